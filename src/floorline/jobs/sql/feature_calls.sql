-- feature_calls: the calls of some raw features by day, step and model.
SELECT
    day, toString(feature), toString(workflow), toString(step), toString(call_type), toString(provider), toString(model),
    sum(calls), sum(unpriced), sum(input_tokens), sum(output_tokens), reinterpret(sum(effective_cost), 'Int128'),
    reinterpret(sum(retry_cost), 'Int128')
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date} AND feature IN {features:Array(String)}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY day, feature, workflow, step, call_type, provider, model
HAVING sum(calls) > 0
