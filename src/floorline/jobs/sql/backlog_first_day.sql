-- backlog_first_day: the first day of a window that has a call, and how many days have one; nothing where no day has.
SELECT min(day), uniqExact(day) FROM calls_day WHERE day >= {start:Date} AND day < {end:Date} HAVING count() > 0
