-- costmap_embedded: embedding cost of each feature without retries: of calls whose metadata says what they embed
-- (content_hash), and of those that say what an earlier call of the same customer, feature and model had said, in the
-- window or in the days before it that are read.
SELECT name, reinterpret(sum(net), 'Int128'), reinterpret(sumIf(net, nth > 1), 'Int128')
FROM
(
    SELECT name, day, toDecimal128(pico - retry_pico, 0) AS net,
           row_number() OVER (PARTITION BY customer_id, name, model, content_hash ORDER BY opened_at, id) AS nth
    FROM
    (
        SELECT $name AS name, day, customer_id, model, content_hash, opened_at, id, pico, retry_pico
        FROM (SELECT *, $as_of AS as_of FROM $priced)
        WHERE call_type = 'embedding' AND content_hash != '' AND day >= {start:Date} AND day < {end:Date}
          AND ({environment:String} = 'all' OR environment = {environment:String})
          AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    )
)
WHERE day >= {since:Date}
GROUP BY name
