-- adjusted_now: what adjustments have made of the cost of some calls: the last one of each counts. The columns are the fields of
-- jobs.calls.AdjustedNow.
SELECT
    CAST(call_source AS String), call_id, CAST(argMax(new_basis, (applied_at, id)) AS String),
    argMax(ifNull(toString(new_effective), ''), (applied_at, id))
FROM adjustments
WHERE call_id IN {ids:Array(String)} AND call_source IN {sources:Array(String)}
GROUP BY call_source, call_id
