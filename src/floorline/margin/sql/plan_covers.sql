-- plan_covers: which plan a customer's revenue lines say it is on, over all time, so that no window changes the answer.
-- A customer that was only ever on one plan is one row. Amounts and days as in revenue_lines.
SELECT groupArray(name), groupArray(of_plan), groupArray(weight), groupArray(day)
FROM
(
    SELECT customer AS name, toString(any(plan)) AS of_plan, toInt64(1) AS weight, toInt32(min(period_start)) + 719163 AS day
    FROM revenue WHERE plan != '' AND amount > 0
    GROUP BY customer HAVING uniqExact(plan) = 1
    UNION ALL
    SELECT customer, toString(plan), reinterpret(amount, 'Int64'), toInt32(period_start) + 719163
    FROM revenue
    WHERE plan != '' AND amount > 0 AND customer IN
    (
        SELECT customer FROM revenue WHERE plan != '' AND amount > 0 GROUP BY customer HAVING uniqExact(plan) > 1
    )
)
