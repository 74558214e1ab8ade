-- costmap_parts: calls and cost of each raw feature by call type and step.
SELECT feature, $as_of AS as_of, call_type, step, sum(calls), sum(unpriced),
       reinterpret(sum(effective_cost), 'Int128'), reinterpret(sum(retry_cost), 'Int128')
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY feature, as_of, call_type, step
