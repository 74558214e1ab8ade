-- What guardrails did to a call, and would have done to one that is held out or in shadow. `saved` is NULL when it is unknown.
ALTER TABLE calls
    ADD COLUMN IF NOT EXISTS `touches.guardrail` Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `touches.mode`      Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `touches.arm`       Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `touches.action`    Array(LowCardinality(String)),
    ADD COLUMN IF NOT EXISTS `touches.saved`     Array(Nullable(Decimal(18, 12))),
    ADD COLUMN IF NOT EXISTS `touches.cost`      Array(Decimal(18, 12))
;
-- day x feature x guardrail x arm x customer: what each guardrail saves, and held-out against treated customers. `other_id` is the
-- user, else the key, of calls that name no customer: arms go by it then. Amounts are those of the call when it was served: an
-- adjustment names no guardrail.
CREATE TABLE IF NOT EXISTS touches_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    feature LowCardinality(String), guardrail LowCardinality(String), arm LowCardinality(String), mode LowCardinality(String),
    action LowCardinality(String), plan LowCardinality(String), customer_id String, other_id String,
    calls SimpleAggregateFunction(sum, Int64) CODEC(T64, LZ4),
    unpriced SimpleAggregateFunction(sum, Int64) CODEC(T64, LZ4),
    unvalued SimpleAggregateFunction(sum, Int64) CODEC(T64, LZ4),
    errors SimpleAggregateFunction(sum, Int64) CODEC(T64, LZ4),
    saved SimpleAggregateFunction(sum, Decimal(38, 12)),
    spent SimpleAggregateFunction(sum, Decimal(38, 12)),
    effective_cost SimpleAggregateFunction(sum, Decimal(38, 12))
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, feature, guardrail, arm, mode, action, plan, customer_id, other_id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS touches_day_mv TO touches_day AS
SELECT toDate(c.opened_at, '{timezone}') AS day, environment, purpose, feature, touch.1 AS guardrail, touch.2 AS arm, touch.3 AS mode,
       touch.4 AS action, plan, customer_id,
       if(customer_id != '', '', if(user_id != '', user_id, toString(key_id))) AS other_id,
       toInt64(count()) AS calls,
       toInt64(countIf(cost_basis = 'unpriced')) AS unpriced,
       toInt64(countIf(isNull(touch.5))) AS unvalued,
       toInt64(countIf(status >= 500 OR ending = 'upstream_error')) AS errors,
       toDecimal128(ifNull(sum(touch.5), 0), 12) AS saved,
       toDecimal128(sum(touch.6), 12) AS spent,
       toDecimal128(ifNull(sum(c.effective_cost), 0), 12) AS effective_cost
FROM calls AS c
ARRAY JOIN arrayZip(c.`touches.guardrail`, c.`touches.arm`, c.`touches.mode`, c.`touches.action`, c.`touches.saved`, c.`touches.cost`) AS touch
GROUP BY day, environment, purpose, feature, guardrail, arm, mode, action, plan, customer_id, other_id
