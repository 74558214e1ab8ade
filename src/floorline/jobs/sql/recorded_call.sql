-- recorded_call: everything that is kept of one call. The columns are the fields of jobs.recorded.RecordedCall; amounts and
-- quantities are text, '' where they are unknown. `days` are those in which it may have been opened.
SELECT
    CAST(source AS String), id, opened_at, CAST(gateway AS String), customer_id, user_id, CAST(plan AS String), CAST(key_id AS String),
    CAST(feature AS String), CAST(workflow AS String), run_id, CAST(step AS String), CAST(call_type AS String),
    CAST(environment AS String), CAST(purpose AS String), CAST(metadata AS Map(String, String)), CAST(dialect AS String),
    CAST(provider AS String), CAST(model_requested AS String), CAST(model_served AS String), streamed, status,
    CAST(ending AS String), CAST(verdict AS String), CAST(reasons AS Array(String)), CAST(cache AS String),
    CAST(baseline AS String), CAST(holdout AS Array(String)), CAST(service_tier AS String),
    mapApply((unit, quantity) -> (CAST(unit AS String), toString(quantity)), usage),
    duration_us, first_token_us, overhead_us, CAST(cost_basis AS String), CAST(price_version AS String),
    CAST(unpriced_reason AS String),
    ifNull(toString(list_cost), ''), ifNull(toString(contracted_cost), ''), ifNull(toString(effective_cost), ''),
    ifNull(toString(counterfactual_cost), ''), ifNull(toString(stated_cost), ''),
    arrayMap((a, b, c, d, e, f) -> (CAST(a AS String), CAST(b AS String), c, d, e, CAST(f AS String)),
             `attempts.provider`, `attempts.model`, `attempts.status`, `attempts.started_us`, `attempts.duration_us`, `attempts.ending`),
    arrayMap((a, b, c, d, e, f, g, h, i, j) -> (a, CAST(b AS String), CAST(c AS String), toString(d), e, toString(f), toString(g),
                                                toString(h), toString(i), CAST(j AS String)),
             `lines.attempt`, `lines.component`, `lines.unit`, `lines.quantity`, `lines.per`, `lines.unit_price`, `lines.list`,
             `lines.contracted`, `lines.effective`, `lines.price_version`),
    arrayMap((a, b, c, d, e, f) -> (CAST(a AS String), CAST(b AS String), CAST(c AS String), CAST(d AS String),
                                    ifNull(toString(e), ''), toString(f)),
             `touches.guardrail`, `touches.mode`, `touches.arm`, `touches.action`, `touches.saved`, `touches.cost`)
FROM calls
WHERE utc_day >= {first:Date} AND utc_day <= {last:Date} AND id = {id:String} AND ({source:String} = '' OR source = {source:String})
ORDER BY opened_at DESC, source
LIMIT 1
SETTINGS max_execution_time = $seconds
