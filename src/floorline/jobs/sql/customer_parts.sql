-- customer_parts: what one customer's calls used by $column. `names`, `starts` and `ends` are of one length: a raw name of the
-- customer, and from which day (since 1970) to before which it means it. The dearest first, at most {limit} of them. The columns
-- are the fields of jobs.one_customer.PartRow.
SELECT
    toString($column) AS name, sum(calls), sum(unpriced), sum(input_tokens), sum(output_tokens),
    reinterpret(sum(effective_cost), 'Int128') AS cost, uniqExact(user_id) - toUInt64(countIf(user_id = '') > 0)
FROM detail_day
WHERE day >= {start:Date} AND day < {end:Date} AND customer_id IN {names:Array(String)}
  AND arrayExists(
      (name, first, last) -> name = customer_id AND toInt32(day) >= first AND toInt32(day) < last,
      {names:Array(String)}, {starts:Array(Int32)}, {ends:Array(Int32)}
  )
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY name
ORDER BY cost DESC, name
LIMIT {limit:UInt32}
