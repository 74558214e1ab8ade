-- workflow_last_day: the last day of a window on which a workflow was called; no row where it was not.
SELECT max(day)
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date} AND workflow = {workflow:String}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
HAVING count() > 0
