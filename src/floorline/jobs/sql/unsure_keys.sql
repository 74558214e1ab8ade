-- unsure_keys: calls of some days that name no customer or no feature, and calls that were lost, by key and feature. The columns
-- are the fields of jobs.quality.UnsureKey; money is in 10^-12 USD.
SELECT
    CAST(key_id AS String), CAST(feature AS String), countIf(customer_id = ''), countIf(feature = ''), countIf(ending = 'lost'),
    countIf(cost_basis = 'unpriced' AND (customer_id = '' OR feature = '')),
    reinterpret(toDecimal128(ifNull(sumIf(effective_cost, customer_id = '' OR feature = ''), 0), 12), 'Int128'),
    reinterpret(toDecimal128(ifNull(sumIf(effective_cost, ending = 'lost'), 0), 12), 'Int128')
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND (customer_id = '' OR feature = '' OR ending = 'lost')
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY key_id, feature
SETTINGS max_execution_time = $seconds
