-- alert_first_day: the first of some days that has a call of production, the day after the last where none has.
SELECT if(count() = 0, {end:Date}, min(day)) AS first
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date} AND environment = 'production' AND purpose = 'production'
