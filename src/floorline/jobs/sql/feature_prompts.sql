-- feature_prompts: the forwarded calls of some raw features by day, prompt (of their baseline, without its route) and model.
-- Adjustments know no prompt: they are of the prompt ''.
SELECT
    day, toString(feature), replaceRegexpOne(toString(baseline), '@[^@]*$', '') AS prompt, toString(model),
    sum(calls) - sum(hits) - sum(refused), sum(unpriced), sum(input_tokens), sum(cache_read_tokens), sum(cache_write_tokens),
    sum(output_tokens) + sum(reasoning_tokens), reinterpret(sum(effective_cost), 'Int128')
FROM drivers_day
WHERE day >= {start:Date} AND day < {end:Date} AND feature IN {features:Array(String)}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY day, feature, prompt, model
