-- outcome_runs: outcomes within the days with what their runs say where they leave something out (a part of outcomes): where most of a
-- run's calls are.
(
    SELECT
        day, outcome_type, status, value, user_id,
        if(l.customer_id = '', r.said.1, l.customer_id) AS customer_id,
        if(l.plan = '', r.said.2, l.plan) AS plan,
        if(l.feature = '', r.said.3, l.feature) AS feature,
        if(l.workflow = '', r.said.4, l.workflow) AS workflow
    FROM within AS l
    LEFT JOIN
    (
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
    ) AS r ON l.run_id = r.run_id
)
