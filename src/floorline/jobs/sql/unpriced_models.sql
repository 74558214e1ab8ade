-- unpriced_models: the calls of the window by model, and those whose cost is unknown. The columns are the fields of
-- jobs.quality.UnpricedRow.
SELECT CAST(provider AS String), CAST(model AS String), sum(calls), sum(unpriced), minIf(day, unpriced > 0), maxIf(day, unpriced > 0)
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY provider, model
