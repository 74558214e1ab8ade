-- models_used: the calls of some days by provider and model, and how many of them have no price.
SELECT provider, model, sum(calls) AS calls, sum(unpriced) AS unpriced
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date} AND model != ''
  AND environment = 'production' AND purpose = 'production'
GROUP BY provider, model
HAVING calls > 0
ORDER BY provider, model
