-- customer_parts: what one customer's calls used by feature, by user and by model, and $who called. `names`, `starts` and `ends` are of
-- one length: a raw name of the customer, and from which day (since 1970) to before which it means it. The dearest of each kind first,
-- at most {limit} of them. The columns are the fields of jobs.one_customer.PartRow, or of PartOfDays.
SELECT
    multiIf(grouping(feature) = 0, 'feature', grouping(user_id) = 0, 'user', 'model') AS kind,
    multiIf(kind = 'feature', toString(feature), kind = 'user', user_id, toString(model)) AS name,
    sum(calls), sum(unpriced), sum(input_tokens), sum(output_tokens), reinterpret(sum(effective_cost), 'Int128') AS cost, $who
FROM detail_day
WHERE day >= {start:Date} AND day < {end:Date} AND customer_id IN {names:Array(String)}
  AND arrayExists(
      (name, first, last) -> name = customer_id AND toInt32(day) >= first AND toInt32(day) < last,
      {names:Array(String)}, {starts:Array(Int32)}, {ends:Array(Int32)}
  )
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY GROUPING SETS ((feature), (user_id), (model))
ORDER BY kind, cost DESC, name
LIMIT {limit:UInt32} BY kind
