-- What a batch changed: calls, and the change of the effective cost in USD.
SELECT count() AS calls, sum(effective_delta) AS change, sum(unpriced_delta) AS unpriced
FROM adjustments
WHERE batch = {batch:String}
