-- simulated_calls: the calls of some days that went to a provider and whose cost is known, one in `every` by the hash of their ids. The
-- columns are the fields of jobs.simulating.PastCall: quantities are text, costs 10^-12 USD; `routed`: a route rule had moved the call.
SELECT
    id, opened_at, customer_id, user_id, CAST(plan AS String), CAST(feature AS String), CAST(workflow AS String), CAST(step AS String),
    CAST(call_type AS String), CAST(environment AS String), CAST(purpose AS String), CAST(metadata AS Map(String, String)),
    CAST(dialect AS String), CAST(model_requested AS String), CAST(`attempts.provider`[-1] AS String), CAST(`attempts.model`[-1] AS String),
    mapApply((unit, quantity) -> (CAST(unit AS String), toString(quantity)), usage),
    reinterpret(toDecimal128(assumeNotNull(effective_cost), 12), 'Int128'), duration_us,
    arrayExists((guardrail, arm, action) -> guardrail = 'route' AND arm = 'treated' AND action = 'route',
                `touches.guardrail`, `touches.arm`, `touches.action`)
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND verdict = 'forward' AND ending = 'complete' AND effective_cost IS NOT NULL AND notEmpty(usage) AND notEmpty(`attempts.model`)
  AND NOT mapContains(metadata, 'made_for') AND cityHash64(id) % {every:UInt32} = 0
ORDER BY opened_at, id
