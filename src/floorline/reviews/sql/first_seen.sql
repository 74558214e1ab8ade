-- first_seen: the first day on which each model was called.
SELECT CAST(provider AS String), CAST(model AS String), min(day)
FROM steps_day
WHERE calls > 0
GROUP BY provider, model
