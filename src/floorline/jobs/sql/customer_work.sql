-- customer_work: the calls of some customers by feature, call type, provider and model. `names`, `starts`, `ends` and `whose` are
-- of one length: a raw name, from which day (since 1970) to before which it means a customer, and that customer. What a cache is
-- read from and written with is within the input, reasoning within the output. The columns are the fields of jobs.remedying.WorkRow.
SELECT
    CAST(provider AS String), CAST(model AS String),
    sum(calls), sum(unpriced), sum(input_tokens) + sum(cache_read_tokens) + sum(cache_write_tokens),
    sum(output_tokens) + sum(reasoning_tokens), sum(cache_read_tokens), sum(reasoning_tokens),
    reinterpret(sum(effective_cost), 'Int128'), CAST(feature AS String), named.4 AS customer, CAST(call_type AS String)
FROM drivers_day
ARRAY JOIN arrayFilter(
    one -> one.1 = customer_id AND toInt32(day) >= one.2 AND toInt32(day) < one.3,
    arrayZip({names:Array(String)}, {starts:Array(Int32)}, {ends:Array(Int32)}, {whose:Array(String)})
) AS named
PREWHERE day >= {start:Date} AND day < {end:Date} AND customer_id IN {names:Array(String)}
WHERE ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY customer, feature, call_type, provider, model
HAVING sum(calls) > 0
ORDER BY customer, feature, call_type, provider, model
