-- step_places: where the first call of each step stands among the steps of its run, summed over runs, 1 being the first. From at most
-- {rows} calls of one workflow on one day of the reporting timezone.
SELECT one.2, one.3, count(), sum(place)
FROM
(
    SELECT run_id, arraySort(groupArray((first_at, step, call_type))) AS ordered
    FROM
    (
        SELECT run_id, CAST(step AS String) AS step, CAST(call_type AS String) AS call_type, min(opened_at) AS first_at
        FROM
        (
            SELECT run_id, step, call_type, opened_at
            FROM calls
            WHERE utc_day >= {day:Date} - 1 AND utc_day <= {day:Date} + 1 AND toDate(opened_at, {timezone:String}) = {day:Date}
              AND workflow = {workflow:String} AND run_id != ''
              AND ({environment:String} = 'all' OR environment = {environment:String})
              AND ({purpose:String} = 'all' OR purpose = {purpose:String})
            LIMIT {rows:UInt32}
        )
        GROUP BY run_id, step, call_type
    )
    GROUP BY run_id
)
ARRAY JOIN ordered AS one, arrayEnumerate(ordered) AS place
GROUP BY one.2, one.3
