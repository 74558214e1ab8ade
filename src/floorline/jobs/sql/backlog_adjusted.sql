-- backlog_adjusted: what adjustments changed of the cost of a window's calls, as backlog_slices groups them.
-- The columns are the fields of jobs.backlogging.AdjustedRow.
SELECT purpose, feature, call_type, provider, model_served, reinterpret(sum(toDecimal128(effective_delta, 12)), 'Int128')
FROM adjustments
WHERE toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND environment = 'production'
GROUP BY purpose, feature, call_type, provider, model_served
