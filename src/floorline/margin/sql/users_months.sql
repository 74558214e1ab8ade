-- users_months: as calls_months, of users_day.
(
    SELECT month AS day, environment, purpose, feature, who FROM users_month WHERE month IN {months:Array(Date)}
    UNION ALL
    SELECT day, environment, purpose, feature, who FROM users_day
    WHERE day >= {start:Date} AND day < {end:Date} AND toYYYYMM(day) NOT IN {partitions:Array(UInt32)}
)
