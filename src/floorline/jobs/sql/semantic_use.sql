-- semantic_use: what the semantic cache did for the calls of some days, by feature, and what its own calls cost. A call's metadata says
-- what became of its look. The columns are the fields of jobs.caching.NearRow.
SELECT
    CAST(feature AS String),
    countIf(metadata['semantic'] = 'hit'), countIf(metadata['semantic'] = 'audit'), countIf(metadata['semantic'] = 'near'),
    countIf(metadata['semantic'] = 'veto'), countIf(metadata['semantic'] = 'hit' AND isNull(counterfactual_cost)),
    reinterpret(sumIf(toDecimal128(ifNull(counterfactual_cost, 0), 12), metadata['semantic'] = 'hit'), 'Int128'),
    reinterpret(sumIf(toDecimal128(ifNull(effective_cost, 0), 12), step = 'semantic_cache'), 'Int128')
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND (mapContains(metadata, 'semantic') OR (step = 'semantic_cache' AND call_type IN ('embedding', 'judging')))
GROUP BY feature
ORDER BY feature
