-- left_out: calls and cost of the window in other environments and purposes than those asked for.
SELECT sum(calls), reinterpret(sum(effective_cost), 'Int128')
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND NOT (({environment:String} = 'all' OR environment = {environment:String})
       AND ({purpose:String} = 'all' OR purpose = {purpose:String}))
