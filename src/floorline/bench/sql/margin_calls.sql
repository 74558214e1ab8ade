-- margin_calls: calls numbered from {first} to {first} + {rows} - 1 of {total}, spread evenly over 90 days from 2026-01-01,
-- of 10,000 customers (log-uniform), twenty users each, up to four of seven features a customer, twelve models, runs of four steps.
INSERT INTO calls
(
    source, id, opened_at, customer_id, user_id, plan, feature, workflow, run_id, step, call_type, environment, purpose,
    provider, model_requested, model_served, status, ending, verdict, input_tokens, output_tokens, duration_us, cost_basis,
    list_cost, contracted_cost, effective_cost, retry_cost
)
WITH
    number + {first:UInt64} AS n,
    intDiv(n, 4) AS run,
    toUInt32(pow(10000, (cityHash64(run, 1) % 1000003) / 1000003)) AS customer,
    (customer + cityHash64(run, 2) % 4) % 7 AS feature_number,
    n % 4 AS step_number,
    toDecimal64((100 + cityHash64(n, 3) % 40000) * 0.000001, 12) AS cost
SELECT
    'bench', toString(n),
    toDateTime64('2026-01-01 00:00:00', 6, 'UTC') + toIntervalMicrosecond(toInt64(intDiv(toUInt128(n) * 7776000000000, {total:UInt64}))),
    concat('customer-', toString(customer)),
    concat('user-', toString(customer), '-', toString(cityHash64(run, 4) % 20)),
    ['free', 'pro', 'enterprise'][customer % 3 + 1],
    concat('feature-', toString(feature_number)),
    concat('workflow-', toString(feature_number)),
    concat('run-', toString(run)),
    ['classify', 'retrieve', 'answer', 'check'][step_number + 1],
    ['classification', 'retrieval', 'generation', 'judging'][step_number + 1],
    'production', if(cityHash64(n, 5) % 50 = 0, 'evaluation', 'production'), 'bench',
    concat('model-', toString(cityHash64(n, 6) % 12)) AS model, model,
    200, 'complete', 'forward', 100 + cityHash64(n, 7) % 8000, cityHash64(n, 8) % 1500, 900000, 'computed',
    cost, cost, cost, toDecimal64(0, 12)
FROM numbers({rows:UInt64})
