-- unpriced_reasons: why calls of some days have no price, by model. The columns are the fields of jobs.quality.ReasonRow.
SELECT CAST(provider AS String), CAST(model_served AS String), CAST(unpriced_reason AS String), count()
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND cost_basis = 'unpriced'
GROUP BY provider, model_served, unpriced_reason
SETTINGS max_execution_time = $seconds
