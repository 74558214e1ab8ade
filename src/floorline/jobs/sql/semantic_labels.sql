-- semantic_labels: how many stored answers were compared with the model's in some days, by feature, and how many were right. The
-- columns are the fields of jobs.caching.LabelsRow.
SELECT CAST(feature AS String), count(), countIf(right)
FROM labels
WHERE kind = 'semantic' AND toDate(at, {timezone:String}) >= {start:Date} AND toDate(at, {timezone:String}) < {end:Date}
GROUP BY feature
ORDER BY feature
