-- costmap_outcomes: the nearest-rank 95th percentile of what the calls of a successful outcome's run cost, by feature, for
-- each of {parts} ('' is all of them); a run without such calls counts as nothing. Runs with several successes are divided
-- by them. A run's calls count from {start} on. The row of the feature '' is of the whole window.
WITH successes AS
(
    SELECT last.1 AS run_id, count() AS reached
    FROM
    (
        SELECT outcome_id, argMax((run_id, toDate(at, {timezone:String}), toString(status)), (recorded_at, id)) AS last
        FROM outcomes
        WHERE outcome_id IN
        (
            SELECT outcome_id FROM outcomes
            WHERE toDate(at, {timezone:String}) >= {since:Date} AND toDate(at, {timezone:String}) < {end:Date}
        )
        GROUP BY outcome_id
    )
    WHERE last.1 != '' AND last.2 >= {since:Date} AND last.2 < {end:Date} AND last.3 = 'success'
    GROUP BY run_id
)
SELECT name, arrayMap(n -> arraySort(arrayMap(costs -> costs[n], groupArray(picos)))[intDiv(95 * count() + 99, 100)],
                      arrayEnumerate({parts:Array(String)}))
FROM
(
    SELECT name, run_id,
           arrayMap(part -> intDiv(sumMap(moved)[part], any(reached)), {parts:Array(String)}) AS picos
    FROM
    (
        SELECT $name AS name, run_id, reached,
               map('', pico, transform(toString(call_type), {types:Array(String)}, {columns:Array(String)}, 'generation'),
                   pico - retry_pico, 'retries', retry_pico) AS moved
        FROM
        (
            SELECT p.*, $as_of AS as_of, s.reached AS reached
            FROM $priced AS p
            INNER JOIN successes AS s ON p.run_id = s.run_id
            WHERE day >= {start:Date} AND day < {end:Date}
              AND ({environment:String} = 'all' OR environment = {environment:String})
              AND ({purpose:String} = 'all' OR purpose = {purpose:String})
        )
    )
    GROUP BY GROUPING SETS ((name, run_id), (run_id))
)
GROUP BY name
