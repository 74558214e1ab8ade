-- cost_lines: costs that no call carries whose period meets the given days, as revenue_lines.
SELECT component, customer, feature, plan, driver, reinterpret(amount, 'Int64'),
       toInt32(period_start) + 719163, toInt32(period_end) + 719163
FROM costs
WHERE period_start < {end:Date} AND greatest(period_end, period_start + 1) > {start:Date}
ORDER BY period_start, component, id
