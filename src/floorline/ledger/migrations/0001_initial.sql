-- The ledger's first format. Statements end with a line that holds only ";".
-- {engine:X} is X embedded or on one server and ReplicatedX on a cluster; {timezone} is the reporting timezone.
-- Money: Decimal(18, 12) on a row, Decimal(38, 12) once it is summed. NULL is not zero: it is "unpriced".
-- Quantities: Decimal(18, 6), so that tokens and seconds share a column.

CREATE TABLE IF NOT EXISTS calls
(
    -- identity
    source              LowCardinality(String),
    id                  String,
    opened_at           DateTime64(6, 'UTC')   CODEC(Delta, LZ4),
    gateway             LowCardinality(String),
    -- who
    customer_id         String,
    user_id             String,
    plan                LowCardinality(String),
    key_id              LowCardinality(String),
    -- what for
    feature             LowCardinality(String),
    workflow            LowCardinality(String),
    run_id              String,
    step                LowCardinality(String),
    call_type           LowCardinality(String),
    environment         LowCardinality(String),
    purpose             LowCardinality(String),
    metadata            Map(LowCardinality(String), String),
    -- how served
    dialect             LowCardinality(String),
    provider            LowCardinality(String),
    model_requested     LowCardinality(String),
    model_served        LowCardinality(String),
    streamed            Bool,
    status              UInt16                 CODEC(T64, LZ4),
    ending              LowCardinality(String),
    verdict             LowCardinality(String),
    reasons             Array(LowCardinality(String)),
    cache               LowCardinality(String),
    baseline            LowCardinality(String),
    holdout             Array(LowCardinality(String)),
    service_tier        LowCardinality(String),
    -- usage: unit -> quantity, disjoint
    usage               Map(LowCardinality(String), Decimal(18, 6)),
    input_tokens        UInt64                 CODEC(T64, LZ4),   -- every input bucket, cached or not
    cache_read_tokens   UInt64                 CODEC(T64, LZ4),
    output_tokens       UInt64                 CODEC(T64, LZ4),   -- every output bucket, reasoning included
    reasoning_tokens    UInt64                 CODEC(T64, LZ4),
    -- time
    duration_us         UInt64                 CODEC(T64, LZ4),
    first_token_us      Nullable(UInt64)       CODEC(T64, LZ4),
    overhead_us         UInt32                 CODEC(T64, LZ4),
    -- money
    cost_basis          LowCardinality(String),
    price_version       LowCardinality(String),
    unpriced_reason     LowCardinality(String),
    list_cost           Nullable(Decimal(18, 12)),
    contracted_cost     Nullable(Decimal(18, 12)),
    effective_cost      Nullable(Decimal(18, 12)),
    counterfactual_cost Nullable(Decimal(18, 12)),
    stated_cost         Nullable(Decimal(18, 12)),
    retry_cost          Decimal(18, 12),                          -- the part of effective_cost on lines of component retries
    -- attempts and cost lines
    `attempts.provider`    Array(LowCardinality(String)),
    `attempts.model`       Array(LowCardinality(String)),
    `attempts.status`      Array(UInt16),
    `attempts.started_us`  Array(UInt64),
    `attempts.duration_us` Array(UInt64),
    `attempts.ending`      Array(LowCardinality(String)),
    `lines.attempt`        Array(UInt8),
    `lines.component`      Array(LowCardinality(String)),
    `lines.unit`           Array(LowCardinality(String)),
    `lines.quantity`       Array(Decimal(18, 6)),
    `lines.per`            Array(UInt32),
    `lines.unit_price`     Array(Decimal(18, 12)),
    `lines.list`           Array(Decimal(18, 12)),
    `lines.contracted`     Array(Decimal(18, 12)),
    `lines.effective`      Array(Decimal(18, 12)),
    `lines.price_version`  Array(LowCardinality(String)),
    -- derived
    utc_day             Date               MATERIALIZED toDate(opened_at, 'UTC'),
    utc_five_minute     DateTime('UTC')    MATERIALIZED toStartOfFiveMinutes(toDateTime(opened_at, 'UTC')) CODEC(Delta, LZ4)
)
ENGINE = {engine:MergeTree}
PARTITION BY toYYYYMM(utc_day)
ORDER BY (utc_day, feature, utc_five_minute, customer_id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
-- Changes to the cost of calls: history stays, the rollups follow through the *_adjusted views below.
CREATE TABLE IF NOT EXISTS adjustments
(
    source              LowCardinality(String),
    id                  String,
    batch               LowCardinality(String),
    call_source         LowCardinality(String),
    call_id             String,
    reason              LowCardinality(String),
    applied_at          DateTime64(6, 'UTC'),
    opened_at           DateTime64(6, 'UTC')   CODEC(Delta, LZ4),
    customer_id         String,
    user_id             String,
    plan                LowCardinality(String),
    feature             LowCardinality(String),
    workflow            LowCardinality(String),
    run_id              String,
    step                LowCardinality(String),
    call_type           LowCardinality(String),
    environment         LowCardinality(String),
    purpose             LowCardinality(String),
    provider            LowCardinality(String),
    model_served        LowCardinality(String),
    old_basis           LowCardinality(String),
    new_basis           LowCardinality(String),
    old_price_version   LowCardinality(String),
    new_price_version   LowCardinality(String),
    old_effective       Nullable(Decimal(18, 12)),
    new_effective       Nullable(Decimal(18, 12)),
    list_delta          Decimal(18, 12),
    contracted_delta    Decimal(18, 12),
    effective_delta     Decimal(18, 12),
    retry_delta         Decimal(18, 12),
    unpriced_delta      Int8
)
ENGINE = {engine:MergeTree}
PARTITION BY toYYYYMM(opened_at)
ORDER BY (call_source, call_id, applied_at)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE TABLE IF NOT EXISTS revenue
(
    source LowCardinality(String), id String, customer String, plan LowCardinality(String), feature LowCardinality(String),
    amount Decimal(18, 12), billed_amount Decimal(18, 12), billed_currency LowCardinality(String), fx_day Nullable(Date),
    period_start Date, period_end Date, units Nullable(Decimal(18, 6)), kind LowCardinality(String), reverses String
)
ENGINE = {engine:MergeTree}
ORDER BY (period_start, customer, id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE TABLE IF NOT EXISTS costs
(
    source LowCardinality(String), id String, component LowCardinality(String),
    amount Decimal(18, 12), billed_amount Decimal(18, 12), billed_currency LowCardinality(String), fx_day Nullable(Date),
    period_start Date, period_end Date, feature LowCardinality(String), customer String, plan LowCardinality(String),
    driver LowCardinality(String)
)
ENGINE = {engine:MergeTree}
ORDER BY (period_start, component, id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
-- Amendable: of the rows of one outcome_id the one recorded last counts.
CREATE TABLE IF NOT EXISTS outcomes
(
    source LowCardinality(String), id String, outcome_id String, at DateTime64(6, 'UTC'), recorded_at DateTime64(6, 'UTC'),
    outcome_type LowCardinality(String), status LowCardinality(String), run_id String, workflow LowCardinality(String),
    feature LowCardinality(String), customer String, user_id String, plan LowCardinality(String),
    value Nullable(Decimal(18, 12)), provenance LowCardinality(String), reason String
)
ENGINE = {engine:MergeTree}
PARTITION BY toYYYYMM(at)
ORDER BY (outcome_id, recorded_at)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE TABLE IF NOT EXISTS customers
(
    source LowCardinality(String), id String, customer String, valid_from Nullable(Date), name String,
    plan LowCardinality(String), segment LowCardinality(String), cohort LowCardinality(String)
)
ENGINE = {engine:MergeTree}
ORDER BY (customer, id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE TABLE IF NOT EXISTS aliases
(
    source LowCardinality(String), id String, kind LowCardinality(String), alias String, canonical String,
    valid_from Nullable(Date), valid_to Nullable(Date)
)
ENGINE = {engine:MergeTree}
ORDER BY (kind, alias, id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE TABLE IF NOT EXISTS fx_rates
(
    source LowCardinality(String), id String, currency LowCardinality(String), day Date, usd_per_unit Decimal(18, 12)
)
ENGINE = {engine:MergeTree}
ORDER BY (currency, day)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
-- Every rollup but users_day and hist_day has the same sums. `day` is a day of the reporting timezone. Always sum(): unmerged parts hold partial rows.
-- 5 min x feature x plan x model: live pages.
CREATE TABLE IF NOT EXISTS calls_5m
(
    day Date, five_minute DateTime('UTC') CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    feature LowCardinality(String), plan LowCardinality(String), model LowCardinality(String),
    {sums}
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, feature, five_minute, plan, model)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS calls_5m_mv TO calls_5m AS
SELECT toDate(c.opened_at, '{timezone}') AS day, c.utc_five_minute AS five_minute, environment, purpose, feature, plan, model_served AS model,
       {sums of calls}
FROM calls AS c GROUP BY day, five_minute, environment, purpose, feature, plan, model
;
CREATE MATERIALIZED VIEW IF NOT EXISTS calls_5m_adjusted TO calls_5m AS
SELECT toDate(a.opened_at, '{timezone}') AS day, toStartOfFiveMinutes(toDateTime(a.opened_at, 'UTC')) AS five_minute, environment, purpose,
       feature, plan, model_served AS model,
       {sums of adjustments}
FROM adjustments AS a GROUP BY day, five_minute, environment, purpose, feature, plan, model
;
-- day x customer x feature x plan: margins by customer, plan, segment, cohort, feature; allocation of revenue.
CREATE TABLE IF NOT EXISTS calls_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    customer_id String, feature LowCardinality(String), plan LowCardinality(String),
    {sums}
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, customer_id, feature, plan)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS calls_day_mv TO calls_day AS
SELECT toDate(c.opened_at, '{timezone}') AS day, environment, purpose, customer_id, feature, plan,
       {sums of calls}
FROM calls AS c GROUP BY day, environment, purpose, customer_id, feature, plan
;
CREATE MATERIALIZED VIEW IF NOT EXISTS calls_day_adjusted TO calls_day AS
SELECT toDate(a.opened_at, '{timezone}') AS day, environment, purpose, customer_id, feature, plan,
       {sums of adjustments}
FROM adjustments AS a GROUP BY day, environment, purpose, customer_id, feature, plan
;
-- day x feature x plan x workflow x step x call type x provider x model: where the spend goes.
CREATE TABLE IF NOT EXISTS steps_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    feature LowCardinality(String), plan LowCardinality(String), workflow LowCardinality(String), step LowCardinality(String),
    call_type LowCardinality(String), provider LowCardinality(String), model LowCardinality(String),
    {sums}
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, feature, plan, workflow, step, call_type, provider, model)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS steps_day_mv TO steps_day AS
SELECT toDate(c.opened_at, '{timezone}') AS day, environment, purpose, feature, plan, workflow, step, call_type, provider, model_served AS model,
       {sums of calls}
FROM calls AS c GROUP BY day, environment, purpose, feature, plan, workflow, step, call_type, provider, model
;
CREATE MATERIALIZED VIEW IF NOT EXISTS steps_day_adjusted TO steps_day AS
SELECT toDate(a.opened_at, '{timezone}') AS day, environment, purpose, feature, plan, workflow, step, call_type, provider, model_served AS model,
       {sums of adjustments}
FROM adjustments AS a GROUP BY day, environment, purpose, feature, plan, workflow, step, call_type, provider, model
;
-- day x customer x user x feature x plan x workflow x call type x model: users, and customers crossed with how they are served.
CREATE TABLE IF NOT EXISTS detail_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    customer_id String, user_id String, feature LowCardinality(String), plan LowCardinality(String),
    workflow LowCardinality(String), call_type LowCardinality(String), model LowCardinality(String),
    {sums}
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, customer_id, user_id, feature, plan, workflow, call_type, model)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS detail_day_mv TO detail_day AS
SELECT toDate(c.opened_at, '{timezone}') AS day, environment, purpose, customer_id, user_id, feature, plan, workflow, call_type, model_served AS model,
       {sums of calls}
FROM calls AS c GROUP BY day, environment, purpose, customer_id, user_id, feature, plan, workflow, call_type, model
;
CREATE MATERIALIZED VIEW IF NOT EXISTS detail_day_adjusted TO detail_day AS
SELECT toDate(a.opened_at, '{timezone}') AS day, environment, purpose, customer_id, user_id, feature, plan, workflow, call_type, model_served AS model,
       {sums of adjustments}
FROM adjustments AS a GROUP BY day, environment, purpose, customer_id, user_id, feature, plan, workflow, call_type, model
;
-- day x feature x user of a customer, as a hash: active users. A number is counted ten times as fast as two names, and two of a
-- million users share one with a probability of 3 in 100 million. Only calls that name a user; adjustments add no call.
CREATE TABLE IF NOT EXISTS users_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    feature LowCardinality(String), who UInt64, calls SimpleAggregateFunction(sum, Int64) CODEC(T64, LZ4)
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, feature, who)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS users_day_mv TO users_day AS
SELECT toDate(c.opened_at, '{timezone}') AS day, environment, purpose, feature, sipHash64(customer_id, user_id) AS who,
       toInt64(count()) AS calls
FROM calls AS c WHERE user_id != '' GROUP BY day, environment, purpose, feature, who
;
-- day x workflow x run: the cost of an outcome. Only calls that name a run.
CREATE TABLE IF NOT EXISTS runs_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    customer_id String, feature LowCardinality(String), plan LowCardinality(String), workflow LowCardinality(String), run_id String,
    {sums}
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, workflow, customer_id, feature, plan, run_id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS runs_day_mv TO runs_day AS
SELECT toDate(c.opened_at, '{timezone}') AS day, environment, purpose, customer_id, feature, plan, workflow, run_id,
       {sums of calls}
FROM calls AS c WHERE run_id != '' GROUP BY day, environment, purpose, customer_id, feature, plan, workflow, run_id
;
CREATE MATERIALIZED VIEW IF NOT EXISTS runs_day_adjusted TO runs_day AS
SELECT toDate(a.opened_at, '{timezone}') AS day, environment, purpose, customer_id, feature, plan, workflow, run_id,
       {sums of adjustments}
FROM adjustments AS a WHERE run_id != '' GROUP BY day, environment, purpose, customer_id, feature, plan, workflow, run_id
;
-- Percentiles of the effective cost per call: 2 % log-bucket counts. Bucket b holds [1.02^b, 1.02^(b+1)) USD; -32768 holds
-- exact zero; an unpriced call is in no bucket. Adjustments move a call from one bucket to another.
CREATE TABLE IF NOT EXISTS hist_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    feature LowCardinality(String), plan LowCardinality(String), workflow LowCardinality(String), call_type LowCardinality(String),
    model LowCardinality(String), bucket Int16, calls Int64 CODEC(T64, LZ4)
)
ENGINE = {engine:SummingMergeTree}(calls)
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, feature, plan, workflow, call_type, model, bucket)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS hist_day_mv TO hist_day AS
SELECT toDate(c.opened_at, '{timezone}') AS day, environment, purpose, feature, plan, workflow, call_type, model_served AS model,
       {bucket of effective_cost} AS bucket, toInt64(count()) AS calls
FROM calls AS c WHERE effective_cost IS NOT NULL
GROUP BY day, environment, purpose, feature, plan, workflow, call_type, model, bucket
;
CREATE MATERIALIZED VIEW IF NOT EXISTS hist_day_adjusted TO hist_day AS
SELECT toDate(a.opened_at, '{timezone}') AS day, environment, purpose, feature, plan, workflow, call_type, model_served AS model,
       {bucket of move.1} AS bucket, toInt64(sum(move.2)) AS calls
FROM adjustments AS a
ARRAY JOIN [(old_effective, -1), (new_effective, 1)] AS move
WHERE move.1 IS NOT NULL
GROUP BY day, environment, purpose, feature, plan, workflow, call_type, model, bucket
