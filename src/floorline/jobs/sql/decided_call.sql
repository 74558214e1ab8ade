-- decided_call: one call as it was decided. An id begins with the milliseconds of its opening. The columns are the fields of
-- jobs.deciding.DecidedCall; amounts are text, '' where they are unknown.
SELECT
    id,
    opened_at,
    CAST(customer_id AS String),
    CAST(plan AS String),
    CAST(feature AS String),
    CAST(model_requested AS String),
    CAST(model_served AS String),
    CAST(provider AS String),
    status,
    CAST(ending AS String),
    CAST(verdict AS String),
    CAST(reasons AS Array(String)),
    CAST(cache AS String),
    metadata['cached_call'],
    CAST(cost_basis AS String),
    ifNull(toString(effective_cost), ''),
    ifNull(toString(counterfactual_cost), ''),
    CAST(`touches.guardrail` AS Array(String)),
    CAST(`touches.mode` AS Array(String)),
    CAST(`touches.arm` AS Array(String)),
    CAST(`touches.action` AS Array(String)),
    arrayMap(one -> ifNull(toString(one), ''), `touches.saved`),
    arrayMap(one -> toString(one), `touches.cost`)
FROM calls
WHERE utc_day >= {day:Date} - 1 AND utc_day <= {day:Date} + 1 AND id = {id:String}
LIMIT 1
