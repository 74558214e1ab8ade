-- adjustments_of: every adjustment of one call, oldest first. The columns are the fields of jobs.recorded.AdjustmentOf; amounts are
-- text, '' where they are unknown.
SELECT
    applied_at, CAST(batch AS String), CAST(reason AS String), CAST(old_basis AS String), CAST(new_basis AS String),
    CAST(old_price_version AS String), CAST(new_price_version AS String),
    ifNull(toString(old_effective), ''), ifNull(toString(new_effective), '')
FROM adjustments
WHERE call_source = {source:String} AND call_id = {id:String}
ORDER BY applied_at, id
