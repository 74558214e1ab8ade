-- unpriced_models: models with calls of the window whose cost is unknown, those with the most first. The columns are the fields of
-- jobs.quality.UnpricedRow.
SELECT CAST(provider AS String), CAST(model AS String), sum(calls) AS every, sum(unpriced) AS unknown, minIf(day, unpriced > 0), maxIf(day, unpriced > 0)
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY provider, model
HAVING unknown > 0
ORDER BY unknown DESC, provider, model
