-- calls_after: whether there is a call on a day or later: what shows that the days before it are over.
SELECT count() FROM (SELECT 1 FROM calls_day WHERE day >= {end:Date} LIMIT 1)
