-- pulse: what calls came to by feature and five minutes. The columns are the fields of jobs.pulse.SliceRow; money is in 10^-12 USD.
SELECT
    CAST(feature AS String), five_minute, sum(calls), sum(unpriced), sum(hits), sum(refused), sum(errors),
    reinterpret(sum(effective_cost), 'Int128')
FROM calls_5m
WHERE day >= {day:Date} - 1 AND day <= {day:Date} + 4
  AND five_minute >= {start:DateTime64(6, 'UTC')} AND five_minute < {end:DateTime64(6, 'UTC')}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY feature, five_minute
ORDER BY feature, five_minute
