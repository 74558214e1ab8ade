-- customer_touches: what guardrails did to one customer's calls, or would have done. Names as in customer_parts; the columns are the
-- fields of jobs.one_customer.GuardRow.
SELECT
    CAST(guardrail AS String), CAST(feature AS String), CAST(mode AS String), CAST(arm AS String), CAST(action AS String),
    sum(calls), sum(unvalued), reinterpret(sum(saved), 'Int128'), reinterpret(sum(spent), 'Int128')
FROM touches_day
WHERE day >= {start:Date} AND day < {end:Date} AND customer_id IN {names:Array(String)}
  AND arrayExists(
      (name, first, last) -> name = customer_id AND toInt32(day) >= first AND toInt32(day) < last,
      {names:Array(String)}, {starts:Array(Int32)}, {ends:Array(Int32)}
  )
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY guardrail, feature, mode, arm, action
ORDER BY sum(saved) DESC, guardrail, feature, mode, arm, action
