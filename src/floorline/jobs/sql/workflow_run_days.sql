-- workflow_run_days: how many rows the rollup of runs has for each day.
SELECT day, count() AS rows_of_day
FROM runs_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY day
ORDER BY day
