-- cached_source: the call whose stored answer a call was answered with, '' when it was answered by a provider, and what a label of that
-- answer needs. An id begins with the milliseconds of its opening. The columns are the fields of jobs.caching.SourceRow.
SELECT
    CAST(feature AS String), metadata['cached_call'], customer_id, user_id, CAST(model_served AS String), CAST(metadata AS Map(String, String))
FROM calls
WHERE utc_day >= {day:Date} - 1 AND utc_day <= {day:Date} + 1 AND id = {id:String}
LIMIT 1
