-- Every place that labels are about, with how many there are and when the last one came, from a day on.
SELECT kind, feature, step, subject, toInt64(count()) AS labels, max(at) AS last_at
FROM labels
WHERE at >= {since:DateTime64(6, 'UTC')}
GROUP BY kind, feature, step, subject
ORDER BY kind, feature, step, subject
