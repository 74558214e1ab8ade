-- drill_peaks: the busiest minute of each of some models since an instant: calls that went to a provider, and their tokens of both sides,
-- each of the minute that had most of them.
SELECT CAST(model AS String), max(calls), max(tokens)
FROM (
    SELECT model_requested AS model, toStartOfMinute(opened_at) AS minute, count() AS calls, sum(input_tokens + output_tokens) AS tokens
    FROM calls
    WHERE utc_day >= toDate({start:DateTime64(6, 'UTC')}) AND opened_at >= {start:DateTime64(6, 'UTC')}
      AND model_requested IN {models:Array(String)} AND verdict = 'forward' AND purpose = 'production'
    GROUP BY model, minute
)
GROUP BY model
ORDER BY model
