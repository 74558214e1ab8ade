-- served: how the calls of a window were served: forwarded to a provider, answered from a cache, refused.
SELECT sum(forwarded), sum(hits), sum(refused)
FROM steps_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
