-- cache_use: what the exact cache did for the calls of some days, by feature. A call with a touch of the cache had an answer there.
-- The columns are the fields of jobs.caching.UseRow.
SELECT
    CAST(feature AS String),
    countIf(cache = 'exact' AND verdict = 'hit'), countIf(cache = 'miss'), countIf(cache = 'bypass'), countIf(cache = 'shadow'),
    countIf(cache = 'shadow' AND has(`touches.guardrail`, 'cache')),
    countIf(cache = 'exact' AND verdict = 'hit' AND isNull(counterfactual_cost)),
    reinterpret(sumIf(toDecimal128(ifNull(counterfactual_cost, 0), 12), cache = 'exact' AND verdict = 'hit'), 'Int128')
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND cache IN ('exact', 'miss', 'bypass', 'shadow')
GROUP BY feature
ORDER BY feature
