-- workflow_runs: the runs of some days by workflow, of all or of one alone: how many, how many of them no outcome names that
-- is dated a week before these days or later, how many have a call without a price, and of the others the nearest-rank median and
-- 95th percentile of what their calls cost, in 10^-12 USD.
SELECT
    workflow, runs, open, no_price, if(empty(costs), NULL, costs[intDiv(50 * length(costs) + 99, 100)]),
    if(empty(costs), NULL, costs[intDiv(95 * length(costs) + 99, 100)])
FROM
(
    SELECT
        workflow, count() AS runs, countIf(run_id NOT IN (SELECT run_id FROM outcomes WHERE run_id != '' AND toDate(at) >= {start:Date} - 7)) AS open,
        countIf(unpriced_calls > 0) AS no_price, arraySort(groupArrayIf(pico, unpriced_calls = 0)) AS costs
    FROM
    (
        SELECT workflow, run_id, sum(unpriced) AS unpriced_calls, reinterpret(sum(effective_cost), 'Int128') AS pico
        FROM runs_day
        WHERE day >= {start:Date} AND day < {end:Date} AND ({every:UInt8} OR workflow = {workflow:String})
          AND ({environment:String} = 'all' OR environment = {environment:String})
          AND ({purpose:String} = 'all' OR purpose = {purpose:String})
        GROUP BY workflow, run_id
        HAVING sum(calls) > 0
    )
    GROUP BY workflow
)
ORDER BY workflow
