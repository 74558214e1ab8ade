-- Rollups of rollups: what pages ask of a quarter or a year, from a few rows. They are fed by what enters the rollups of days, so
-- that calls and adjustments come by the same view, and filling them anew reads no call.
-- month x customer x feature x plan: calls_day by month of the reporting timezone. `month` is its first day.
CREATE TABLE IF NOT EXISTS calls_month
(
    month Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    customer_id String, feature LowCardinality(String), plan LowCardinality(String),
    {sums}
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(month)
ORDER BY (month, environment, purpose, customer_id, feature, plan)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS calls_month_mv TO calls_month AS
SELECT toStartOfMonth(r.day) AS month, environment, purpose, customer_id, feature, plan,
       {sums of rollup}
FROM calls_day AS r GROUP BY month, environment, purpose, customer_id, feature, plan
;
-- month x feature x user of a customer: users_day by month.
CREATE TABLE IF NOT EXISTS users_month
(
    month Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    feature LowCardinality(String), who UInt64, calls SimpleAggregateFunction(sum, Int64) CODEC(T64, LZ4)
)
ENGINE = {engine:AggregatingMergeTree}
PARTITION BY toYYYYMM(month)
ORDER BY (month, environment, purpose, feature, who)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS users_month_mv TO users_month AS
SELECT toStartOfMonth(r.day) AS month, environment, purpose, feature, who, toInt64(sum(r.calls)) AS calls
FROM users_day AS r GROUP BY month, environment, purpose, feature, who
;
-- day x feature x call type x bucket: hist_day without what percentiles of features and of the cost map do not need.
CREATE TABLE IF NOT EXISTS hist_feature_day
(
    day Date CODEC(Delta, LZ4), environment LowCardinality(String), purpose LowCardinality(String),
    feature LowCardinality(String), call_type LowCardinality(String), bucket Int16, calls Int64 CODEC(T64, LZ4)
)
ENGINE = {engine:SummingMergeTree}(calls)
PARTITION BY toYYYYMM(day)
ORDER BY (day, environment, purpose, feature, call_type, bucket)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
;
CREATE MATERIALIZED VIEW IF NOT EXISTS hist_feature_day_mv TO hist_feature_day AS
SELECT day, environment, purpose, feature, call_type, bucket, toInt64(sum(r.calls)) AS calls
FROM hist_day AS r GROUP BY day, environment, purpose, feature, call_type, bucket
