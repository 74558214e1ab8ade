-- One page of the adjustments of a batch, after the call (after_source, after_id). The columns are events.Adjustment's.
SELECT
    source, id, batch, call_source, call_id, reason, applied_at, opened_at, customer_id, user_id, plan, feature, workflow,
    run_id, step, call_type, environment, purpose, provider, model_served, old_basis, new_basis, old_price_version,
    new_price_version, old_effective, new_effective, list_delta, contracted_delta, effective_delta, retry_delta, unpriced_delta
FROM adjustments
WHERE batch = {batch:String} AND (call_source, call_id) > ({after_source:String}, {after_id:String})
ORDER BY call_source, call_id
LIMIT {rows:UInt32}
