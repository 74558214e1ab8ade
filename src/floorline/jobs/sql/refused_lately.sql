-- refused_lately: the latest calls that were refused, of some hours. The columns are the fields of jobs.guardrail_days.Decided.
SELECT
    id, opened_at, CAST(customer_id AS String), CAST(feature AS String), CAST(model_requested AS String),
    CAST(model_served AS String), CAST(verdict AS String), CAST(reasons AS Array(String)), CAST([] AS Array(String)),
    CAST([] AS Array(String)), '', ''
FROM calls
WHERE utc_day >= toDate({since:DateTime64(6)}, 'UTC') AND utc_day <= toDate({until:DateTime64(6)}, 'UTC')
  AND opened_at >= {since:DateTime64(6)} AND opened_at < {until:DateTime64(6)}
  AND verdict = 'refuse'
ORDER BY opened_at DESC
LIMIT {rows:UInt32}
