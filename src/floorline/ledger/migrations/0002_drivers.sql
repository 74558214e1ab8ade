-- What explains a change of cost: day x customer x feature x plan x call type x provider x model x model tried first x baseline.
-- `tried` is the first attempt's model where another one served, '' otherwise. Adjustments know neither it nor the baseline.
CREATE TABLE IF NOT EXISTS drivers_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    customer_id String, feature LowCardinality(String), plan LowCardinality(String), call_type LowCardinality(String),
    provider LowCardinality(String), model LowCardinality(String), tried LowCardinality(String), baseline LowCardinality(String),
    {drivers}
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, feature, customer_id, plan, call_type, provider, model, tried, baseline)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS drivers_day_mv TO drivers_day AS
SELECT toDate(c.opened_at, '{timezone}') AS day, environment, purpose, customer_id, feature, plan, call_type, provider, model_served AS model,
       if(length(c.`attempts.model`) > 1 AND c.`attempts.model`[1] != c.`attempts.model`[-1], c.`attempts.model`[1], '') AS tried, baseline,
       {drivers of calls}
FROM calls AS c GROUP BY day, environment, purpose, customer_id, feature, plan, call_type, provider, model, tried, baseline
;
CREATE MATERIALIZED VIEW IF NOT EXISTS drivers_day_adjusted TO drivers_day AS
SELECT toDate(a.opened_at, '{timezone}') AS day, environment, purpose, customer_id, feature, plan, call_type, provider, model_served AS model,
       '' AS tried, '' AS baseline,
       {drivers of adjustments}
FROM adjustments AS a GROUP BY day, environment, purpose, customer_id, feature, plan, call_type, provider, model, tried, baseline
