-- baseline_uses: calls of each day by step, model and baseline, of those that ended well and fell back to no other model: an
-- outage is no new baseline. utc_day narrows the parts that are read.
SELECT toDate(opened_at, {timezone:String}) AS day, feature, workflow, step, call_type, model_served AS model, baseline,
       toInt64(count()) AS calls
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date} + 1
  AND day >= {start:Date} AND day < {end:Date}
  AND environment = 'production' AND purpose = 'production'
  AND verdict = 'forward' AND ending = 'complete' AND status < 400 AND feature != '' AND model_served != ''
  AND (length(`attempts.model`) < 2 OR `attempts.model`[1] = `attempts.model`[-1])
GROUP BY day, feature, workflow, step, call_type, model, baseline
