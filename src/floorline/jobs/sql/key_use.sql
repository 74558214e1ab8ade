-- key_use: what each virtual key was used for in some days: calls, those without a price, refused ones, their cost as recorded in
-- 10^-12 USD, and the last one.
SELECT
    CAST(key_id AS String), count(), countIf(effective_cost IS NULL), countIf(ending = 'refused'),
    reinterpret(toDecimal128(sum(ifNull(effective_cost, 0)), 12), 'Int128'), max(opened_at)
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND key_id != ''
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY key_id
