-- steps: spend by workflow, step, call type and model, and what of it went wrong.
SELECT
    workflow, step, call_type, model, sum(calls), sum(unpriced), reinterpret(sum(effective_cost), 'Int128'),
    sum(errors), sum(retries), reinterpret(sum(retry_cost), 'Int128')
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY workflow, step, call_type, model
