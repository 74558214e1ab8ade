-- One page of calls as they were recorded, in a fixed order, after the call (after_at, after_source, after_id).
-- The columns are the fields of jobs.repricing.RecordedCall. Of the lines only those of earlier attempts are needed:
-- what the last attempt used is in `usage`.
SELECT
    source, id, opened_at, customer_id, user_id, plan, feature, workflow, run_id, step, call_type, environment, purpose,
    provider, model_served, service_tier, verdict, usage, cost_basis, price_version, unpriced_reason,
    list_cost, contracted_cost, effective_cost, stated_cost, retry_cost,
    if(has(lines.component, 'retries'), attempts.provider, CAST([] AS Array(String))) AS attempt_providers,
    if(has(lines.component, 'retries'), attempts.model, CAST([] AS Array(String))) AS attempt_models,
    length(attempts.status) AS attempts,
    arrayFilter((value, component) -> component = 'retries', lines.attempt, lines.component) AS retry_attempts,
    arrayFilter((value, component) -> component = 'retries', lines.unit, lines.component) AS retry_units,
    arrayFilter((value, component) -> component = 'retries', lines.quantity, lines.component) AS retry_quantities,
    arrayFilter((value, component) -> component = 'retries', lines.price_version, lines.component) AS retry_versions
FROM calls
WHERE utc_day >= toDate({start:DateTime64(6, 'UTC')}) AND utc_day <= toDate({end:DateTime64(6, 'UTC')})
  AND opened_at >= {start:DateTime64(6, 'UTC')} AND opened_at < {end:DateTime64(6, 'UTC')}
  AND ({model:String} = '' OR model_served = {model:String})
  AND ({provider:String} = '' OR provider = {provider:String})
  AND ({feature:String} = '' OR feature = {feature:String})
  AND (opened_at, source, id) > ({after_at:DateTime64(6, 'UTC')}, {after_source:String}, {after_id:String})
ORDER BY opened_at, source, id
LIMIT {rows:UInt32}
