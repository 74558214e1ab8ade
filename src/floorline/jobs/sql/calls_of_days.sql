-- calls_of_days: how many calls there are of each day, of every environment and purpose.
SELECT day, sum(calls)
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
GROUP BY day
ORDER BY day
