-- plans_source: what is read for sums by plan, whoever the customer. Calls that state their plan come from the rollup without customers,
-- which has a fiftieth of the rows; those that do not come from $calls, as their customer says it.
(
    SELECT day, environment, purpose, '' AS customer_id, feature, plan, calls, unpriced, input_tokens, output_tokens,
           effective_cost, retry_cost, orchestration_cost, provider_cost, estimated_cost, unattributed_cost
    FROM steps_day
    WHERE plan != ''
    UNION ALL
    SELECT day, environment, purpose, customer_id, feature, plan, calls, unpriced, input_tokens, output_tokens,
           effective_cost, retry_cost, orchestration_cost, provider_cost, estimated_cost, unattributed_cost
    FROM $calls
    WHERE plan = ''
)
