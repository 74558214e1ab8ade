-- decided_lately: the latest calls that a guardrail acted on, or that were refused, a few for each set of guardrails; of some hours.
-- The columns are the fields of jobs.guardrail_days.Decided; amounts are text, '' where they are unknown.
SELECT
    id, opened_at, CAST(customer_id AS String), CAST(feature AS String), CAST(model_requested AS String),
    CAST(model_served AS String), CAST(verdict AS String), CAST(reasons AS Array(String)),
    CAST(arrayFilter((one, arm) -> arm = 'treated', `touches.guardrail`, `touches.arm`) AS Array(String)) AS acted,
    CAST(arrayFilter((one, arm) -> arm = 'treated', `touches.action`, `touches.arm`) AS Array(String)),
    ifNull(toString(effective_cost), ''), ifNull(toString(counterfactual_cost), '')
FROM calls
WHERE utc_day >= toDate({since:DateTime64(6)}, 'UTC') AND utc_day <= toDate({until:DateTime64(6)}, 'UTC')
  AND opened_at >= {since:DateTime64(6)} AND opened_at < {until:DateTime64(6)}
  AND (has(`touches.arm`, 'treated') OR verdict = 'refuse')
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
ORDER BY opened_at DESC
LIMIT {each:UInt32} BY acted, verdict
LIMIT {rows:UInt32}
