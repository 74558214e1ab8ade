-- fair_use_habits: customers and users whose calls of the day `today` cost at least {least} (10^-12 USD), with what each of their
-- days from `start` on cost on which they called.
SELECT scope, customer, user, sumIf(calls, day = {today:Date}) AS day_calls,
       reinterpret(sumIf(cost, day = {today:Date}), 'Int128') AS day_cost,
       groupArrayIf(reinterpret(cost, 'Int128'), day < {today:Date} AND calls > 0)
FROM
(
    SELECT day, 'customer' AS scope, customer_id AS customer, '' AS user, sum(c.calls) AS calls, sum(c.effective_cost) AS cost
    FROM calls_day AS c
    WHERE day >= {start:Date} AND day <= {today:Date} AND environment = 'production' AND purpose = 'production' AND customer_id != ''
    GROUP BY day, customer_id
    UNION ALL
    SELECT day, 'user' AS scope, customer_id AS customer, user_id AS user, sum(d.calls) AS calls, sum(d.effective_cost) AS cost
    FROM detail_day AS d
    WHERE day >= {start:Date} AND day <= {today:Date} AND environment = 'production' AND purpose = 'production' AND user_id != ''
    GROUP BY day, customer_id, user_id
)
GROUP BY scope, customer, user
HAVING day_calls >= {calls:UInt64} AND day_cost >= {least:Int64}
ORDER BY scope, customer, user
