-- customer_plan: the plan that the latest calls of a customer name, '' where none does.
SELECT argMax(toString(plan), day)
FROM calls_day
WHERE day >= {start:Date} AND customer_id = {customer:String} AND plan != ''
