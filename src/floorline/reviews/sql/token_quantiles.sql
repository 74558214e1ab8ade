-- token_quantiles: tokens of a call at the 50th, 95th and 99th percentile, within 0.4 %, by provider and model.
SELECT
    CAST(provider AS String), CAST(model_served AS String),
    arrayMap(x -> toInt64(x), quantilesBFloat16(0.5, 0.95, 0.99)(input_tokens)),
    arrayMap(x -> toInt64(x), quantilesBFloat16(0.5, 0.95, 0.99)(output_tokens))
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
  AND verdict = 'forward'
GROUP BY provider, model_served
ORDER BY provider, model_served
