-- call_parts: calls and cost of the window within the scope, adjustments included.
SELECT sum(calls), reinterpret(sum(effective_cost), 'Int128')
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
