-- customer_revenue: the latest revenue lines of some raw names of a customer whose period meets the days. The columns are the fields
-- of jobs.one_customer.RevenueRow.
SELECT
    CAST(source AS String), id, customer, CAST(plan AS String), CAST(feature AS String), CAST(kind AS String),
    reinterpret(amount, 'Int64'), period_start, period_end
FROM revenue
WHERE period_start < {end:Date} AND greatest(period_end, period_start + 1) > {start:Date}
  AND customer IN {names:Array(String)}
ORDER BY period_start DESC, customer, id
LIMIT {limit:UInt32}
