-- customer_usage_days: what the calls of one customer used in some days of the reporting timezone, as they cost when they were made
-- (adjustments taken out again): the counters of budgets go by the same.
SELECT plan, feature, workflow, sum(calls), sum(tokens), sum(cost)
FROM
(
    SELECT toString(plan) AS plan, toString(feature) AS feature, '' AS workflow, sum(c.forwarded) AS calls,
           sum(c.input_tokens) + sum(c.output_tokens) AS tokens, reinterpret(sum(c.effective_cost), 'Int128') AS cost
    FROM calls_day AS c
    WHERE day >= {start_day:Date} AND day < {end_day:Date} AND customer_id = {customer:String}
    GROUP BY plan, feature
    UNION ALL
    SELECT toString(plan) AS plan, toString(feature) AS feature, '' AS workflow, 0 AS calls, 0 AS tokens,
           -reinterpret(sum(toDecimal128(a.effective_delta, 12)), 'Int128') AS cost
    FROM adjustments AS a
    WHERE opened_at >= {start:DateTime64(6, 'UTC')} AND opened_at < {end:DateTime64(6, 'UTC')} AND customer_id = {customer:String}
    GROUP BY plan, feature
)
GROUP BY plan, feature, workflow
