-- tier_slices: calls of some days by feature, step, call type, provider and model. Money as integers of 10^-12 USD. The columns are the
-- fields of jobs.tiers.Slice.
SELECT
    CAST(feature AS String), CAST(step AS String), CAST(call_type AS String), CAST(provider AS String), CAST(model AS String),
    sum(calls), sum(unpriced), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(reasoning_tokens),
    reinterpret(sum(effective_cost), 'Int128')
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date} AND model != ''
  AND environment = 'production' AND purpose = 'production'
  AND ({feature:String} = '' OR feature = {feature:String})
GROUP BY feature, step, call_type, provider, model
HAVING sum(calls) > 0
ORDER BY feature, step, call_type, provider, model
