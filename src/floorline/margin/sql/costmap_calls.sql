-- costmap_calls: the nearest-rank 95th percentile of the cost of a priced call, by feature and column: of a column's own
-- calls with their retries, and of the retries of every call. The rows of the feature '' are of the whole window.
SELECT name, moved.1 AS part, arraySort(groupArray(moved.2))[intDiv(95 * count() + 99, 100)]
FROM
(
    SELECT $name AS name,
           arrayJoin([(transform(toString(call_type), {types:Array(String)}, {columns:Array(String)}, 'generation'), pico),
                      ('retries', retry_pico)]) AS moved
    FROM
    (
        SELECT feature, call_type, pico, retry_pico, $as_of AS as_of
        FROM $priced
        WHERE day >= {start:Date} AND day < {end:Date}
          AND ({environment:String} = 'all' OR environment = {environment:String})
          AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    )
)
GROUP BY GROUPING SETS ((name, part), (part))
