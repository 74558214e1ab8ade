-- The batches that changed calls of `batch` after it did.
SELECT later.batch, uniqExact(later.call_source, later.call_id), max(later.applied_at)
FROM adjustments AS later
INNER JOIN (
    SELECT call_source, call_id, applied_at AS changed_at FROM adjustments WHERE batch = {batch:String}
) AS mine ON later.call_source = mine.call_source AND later.call_id = mine.call_id
WHERE later.applied_at > mine.changed_at
GROUP BY later.batch
ORDER BY later.batch
