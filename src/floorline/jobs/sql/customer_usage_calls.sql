-- customer_usage_calls: what the calls of one customer used between two instants.
SELECT toString(plan) AS plan, toString(feature) AS feature, toString(workflow) AS workflow, countIf(verdict = 'forward'),
       sum(input_tokens) + sum(output_tokens), reinterpret(toDecimal128(ifNull(sum(effective_cost), 0), 12), 'Int128')
FROM calls
WHERE utc_day >= toDate({start:DateTime64(6, 'UTC')}) AND utc_day <= toDate({end:DateTime64(6, 'UTC')})
  AND opened_at >= {start:DateTime64(6, 'UTC')} AND opened_at < {end:DateTime64(6, 'UTC')} AND customer_id = {customer:String}
GROUP BY plan, feature, workflow
