-- backlog_repeats: of the calls that say what they ask (request_hash; an embedding's content_hash), those that ask what the same
-- customer asked the same day before, and what they cost. The columns are the fields of jobs.backlogging.RepeatRow.
SELECT purpose, feature, call_type, provider, model_served, sum(n - 1), sum(intDiv(pico * (n - 1), n))
FROM
(
    SELECT
        purpose, feature, call_type, provider, model_served, count() AS n,
        if(metadata['request_hash'] = '' AND call_type = 'embedding', metadata['content_hash'], metadata['request_hash']) AS asked,
        reinterpret(sum(toDecimal128(ifNull(effective_cost, 0), 12)), 'Int128') AS pico
    FROM calls
    WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
      AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
      AND environment = 'production' AND purpose IN ('production', 'evaluation') AND verdict = 'forward'
      AND asked != ''
    GROUP BY
        purpose, feature, call_type, provider, model_served, customer_id, toDate(opened_at, {timezone:String}), asked
)
GROUP BY purpose, feature, call_type, provider, model_served
