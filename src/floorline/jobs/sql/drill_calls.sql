-- drill_calls: calls for some models since an instant that were answered whole, of each model a sample by the hash of their ids. The
-- columns are the fields of jobs.drilling.Drillable.
SELECT
    id, opened_at, customer_id, CAST(feature AS String), CAST(dialect AS String), CAST(model_requested AS String),
    CAST(`attempts.provider`[-1] AS String), CAST(`attempts.model`[-1] AS String)
FROM calls
WHERE utc_day >= toDate({start:DateTime64(6, 'UTC')}) AND opened_at >= {start:DateTime64(6, 'UTC')}
  AND model_requested IN {models:Array(String)} AND verdict = 'forward' AND ending = 'complete' AND status = 200
  AND call_type NOT IN ('embedding', 'rerank', 'moderation') AND purpose = 'production' AND notEmpty(`attempts.model`)
  AND NOT mapContains(metadata, 'made_for')
ORDER BY cityHash64(id)
LIMIT {rows:UInt32} BY model_requested
