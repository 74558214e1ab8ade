-- calls: those of one day, numbered from {first} to {first} + {rows} - 1 and spread evenly over it, of 10,000 customers (log-uniform:
-- customer k has about 1/k of the calls of the first), twenty users each, up to four of seven features a customer, runs of four
-- steps. Each step of a feature has a model of its own, and another one for 15 % of its calls; what calls cost follows from tokens
-- and prices. One guardrail touches the answers of three features, with a tenth of the customers held out.
INSERT INTO calls
(
    source, id, opened_at, gateway, customer_id, user_id, plan, key_id, feature, workflow, run_id, step, call_type, environment, purpose,
    dialect, provider, model_requested, model_served, status, ending, verdict, usage, input_tokens, output_tokens, duration_us,
    cost_basis, price_version, list_cost, contracted_cost, effective_cost, retry_cost,
    `lines.attempt`, `lines.component`, `lines.unit`, `lines.quantity`, `lines.per`, `lines.unit_price`, `lines.list`,
    `lines.contracted`, `lines.effective`, `lines.price_version`,
    `touches.guardrail`, `touches.mode`, `touches.arm`, `touches.action`, `touches.saved`, `touches.cost`
)
WITH
    number + {first:UInt64} AS n,
    intDiv(n, 4) AS run,
    toUInt32(pow(10000, (cityHash64(run, 1) % 1000003) / 1000003)) AS customer,
    (customer + cityHash64(run, 2) % 4) % 7 AS feature_number,
    n % 4 AS step_number,
    (feature_number + 3 * step_number + if(cityHash64(n, 6) % 100 < 15, 5, 0)) % 12 AS model_number,
    concat('model-', toString(model_number)) AS model,
    toDecimal64('0.000000000001', 12) AS pico,
    toUInt64(100 + exp(cityHash64(n, 7) % 8000 / 1000)) AS given,
    toUInt64(10 + exp(cityHash64(n, 8) % 7000 / 1000)) AS made,
    250000 * (1 + model_number) AS given_price,
    4 * given_price AS made_price,
    toDecimal64(given_price * given, 0) * pico AS given_cost,
    toDecimal64(made_price * made, 0) * pico AS made_cost,
    given_cost + made_cost AS cost,
    step_number = 2 AND feature_number < 3 AS touched,
    cityHash64(customer, 9) % 10 = 0 AS held_out
SELECT
    'bench', toString(n),
    toDateTime64({day:Date}, 6, 'UTC') + toIntervalMicrosecond(toInt64(intDiv(toUInt128(number) * 86400000000, {rows:UInt64}))),
    'bench',
    concat('customer-', toString(customer)),
    concat('user-', toString(customer), '-', toString(cityHash64(run, 4) % 20)),
    ['free', 'pro', 'enterprise'][customer % 3 + 1],
    concat('key-', toString(feature_number)),
    concat('feature-', toString(feature_number)),
    concat('workflow-', toString(feature_number)),
    concat('run-', toString(run)),
    ['classify', 'retrieve', 'answer', 'check'][step_number + 1],
    ['classification', 'retrieval', 'generation', 'judging'][step_number + 1],
    'production', if(cityHash64(n, 5) % 50 = 0, 'evaluation', 'production'),
    'openai', concat('provider-', toString(model_number % 3)), model, model,
    200, 'complete', 'forward', map('input', toDecimal64(given, 6), 'output', toDecimal64(made, 6)), given, made,
    300000 + made * 10000, 'computed', 'bench', cost, cost, cost, toDecimal64(0, 12),
    [0, 0], ['inference', 'inference'], ['input', 'output'], [toDecimal64(given, 6), toDecimal64(made, 6)], [1000000, 1000000],
    [toDecimal64(given_price * 1000000, 0) * pico, toDecimal64(made_price * 1000000, 0) * pico], [given_cost, made_cost], [given_cost, made_cost], [given_cost, made_cost], ['bench', 'bench'],
    if(touched, ['cascade'], []), if(touched, ['enforce'], []), if(touched, [if(held_out, 'holdout', 'treated')], []),
    if(touched, ['route'], []), if(touched, [cost / 2], []), if(touched, [toDecimal64(0, 12)], [])
FROM numbers({rows:UInt64})
