-- priced_source: the priced calls of the window with what each costs after its adjustments, as integers of 10^-12 USD.
(
    SELECT
        toDate(c.opened_at, {timezone:String}) AS day, c.environment AS environment, c.purpose AS purpose,
        c.customer_id AS customer_id, c.user_id AS user_id, c.feature AS feature, c.plan AS plan, c.workflow AS workflow,
        c.call_type AS call_type, c.model_served AS model, c.run_id AS run_id, c.id AS id, c.opened_at AS opened_at,
        c.metadata['content_hash'] AS content_hash,
        if(a.call_id = '', c.effective_cost, a.latest.1) AS effective,
        reinterpret(assumeNotNull(effective), 'Int64') AS pico,
        reinterpret(toDecimal64(c.retry_cost + a.retried, 12), 'Int64') AS retry_pico
    FROM calls AS c
    LEFT JOIN
    (
        SELECT call_source, call_id, argMax(tuple(new_effective), (applied_at, id)) AS latest, sum(retry_delta) AS retried
        FROM adjustments
        WHERE toDate(opened_at, 'UTC') >= {start:Date} - 1 AND toDate(opened_at, 'UTC') <= {end:Date}
        GROUP BY call_source, call_id
    ) AS a ON c.source = a.call_source AND c.id = a.call_id
    WHERE c.utc_day >= {start:Date} - 1 AND c.utc_day <= {end:Date} AND effective IS NOT NULL
)
