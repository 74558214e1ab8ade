-- outcome_runs: what the runs of outcomes that leave something out say (a part of outcomes): where most of a run's calls are.
SELECT run_id, argMax((customer_id, toString(plan), toString(feature), toString(workflow)),
                      (cell_calls, toString(feature), toString(workflow), toString(plan), customer_id)) AS said
FROM
(
    SELECT run_id, customer_id, plan, feature, workflow, sum(calls) AS cell_calls
    FROM runs_day
    WHERE run_id IN
    (
        SELECT run_id FROM within
        WHERE run_id != '' AND (customer_id = '' OR plan = '' OR feature = '' OR workflow = '')
    )
    GROUP BY run_id, customer_id, plan, feature, workflow
)
GROUP BY run_id
