-- step_costs: calls and spend of each day by step.
SELECT day, feature, workflow, step, call_type, sum(calls), sum(unpriced), reinterpret(sum(effective_cost), 'Int128')
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND environment = 'production' AND purpose = 'production' AND feature != ''
GROUP BY day, feature, workflow, step, call_type
