-- Whether answers were right, as gateways and people say: what certificates are made of. `score` and `features` are statistics, not
-- money. `other_right` is NULL where the other answer is itself the measure.
CREATE TABLE IF NOT EXISTS labels
(
    source LowCardinality(String), id String, at DateTime64(6, 'UTC') CODEC(Delta, LZ4), kind LowCardinality(String),
    feature LowCardinality(String), step LowCardinality(String), subject LowCardinality(String), arm LowCardinality(String),
    customer String, user_id String, call_id String, other_call_id String, model LowCardinality(String), score Float64,
    features Array(Float64), right Bool, other_right Nullable(Bool), served Bool, origin LowCardinality(String), epoch LowCardinality(String)
)
ENGINE = {engine:MergeTree}
PARTITION BY toYYYYMM(at)
ORDER BY (kind, feature, step, subject, at, id)
SETTINGS non_replicated_deduplication_window = 10000, old_parts_lifetime = 30
