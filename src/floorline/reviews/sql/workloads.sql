-- workloads: the calls of a window by feature, provider and model.
SELECT
    CAST(provider AS String), CAST(model AS String), sum(calls), sum(unpriced), sum(input_tokens), sum(output_tokens),
    sum(cache_read_tokens), sum(reasoning_tokens), reinterpret(sum(effective_cost), 'Int128'), CAST(feature AS String)
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY feature, provider, model
HAVING sum(calls) >= {least:Int64}
ORDER BY feature, provider, model
