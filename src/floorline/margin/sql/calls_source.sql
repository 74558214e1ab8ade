-- calls_source: single calls and their adjustments in the shape of a rollup, with the outcome of each call's run. For the
-- groupings that no rollup serves: outcome crossed with call type, model or user.
(
    SELECT u.*, o.outcome AS outcome
    FROM
    (
        SELECT
            toDate(opened_at, {timezone:String}) AS day, environment, purpose, customer_id, user_id, feature, plan,
            workflow, run_id, call_type, model_served AS model,
            toInt64(1) AS calls, toInt64(cost_basis = 'unpriced') AS unpriced,
            toInt64(input_tokens) AS input_tokens, toInt64(output_tokens) AS output_tokens,
            toDecimal128(ifNull(c.effective_cost, 0), 12) AS effective_cost,
            toDecimal128(c.retry_cost, 12) AS retry_cost,
            if(call_type IN {orchestration:Array(String)}, effective_cost - retry_cost, toDecimal128(0, 12)) AS orchestration_cost,
            if(cost_basis = 'provider', effective_cost, toDecimal128(0, 12)) AS provider_cost,
            if(cost_basis = 'estimated', effective_cost, toDecimal128(0, 12)) AS estimated_cost,
            if(customer_id = '' OR feature = '', effective_cost, toDecimal128(0, 12)) AS unattributed_cost
        FROM calls AS c
        WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
        UNION ALL
        SELECT
            toDate(opened_at, {timezone:String}) AS day, environment, purpose, customer_id, user_id, feature, plan,
            workflow, run_id, call_type, model_served AS model,
            toInt64(0) AS calls, toInt64(unpriced_delta) AS unpriced, toInt64(0) AS input_tokens, toInt64(0) AS output_tokens,
            toDecimal128(effective_delta, 12) AS effective_cost,
            toDecimal128(retry_delta, 12) AS retry_cost,
            if(call_type IN {orchestration:Array(String)}, effective_cost - retry_cost, toDecimal128(0, 12)) AS orchestration_cost,
            toDecimal128(if(new_basis = 'provider', ifNull(new_effective, 0), 0), 12)
                - toDecimal128(if(old_basis = 'provider', ifNull(old_effective, 0), 0), 12) AS provider_cost,
            toDecimal128(if(new_basis = 'estimated', ifNull(new_effective, 0), 0), 12)
                - toDecimal128(if(old_basis = 'estimated', ifNull(old_effective, 0), 0), 12) AS estimated_cost,
            if(customer_id = '' OR feature = '', effective_cost, toDecimal128(0, 12)) AS unattributed_cost
        FROM adjustments
        WHERE toDate(opened_at, 'UTC') >= {start:Date} - 1 AND toDate(opened_at, 'UTC') <= {end:Date}
    ) AS u
    LEFT JOIN ($run_outcomes) AS o ON u.run_id = o.run_id
)
