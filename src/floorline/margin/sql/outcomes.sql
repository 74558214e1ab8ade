-- outcomes: outcomes by raw names and span of days: how many, how many successes, successes that carry no value of their own,
-- and the sum of the values of the others in 10^-12 USD. Of an outcome's records the one recorded last counts. What an
-- outcome does not say of itself, its run says: where most of its calls are, and of equals the last by name.
WITH latest AS
(
    SELECT outcome_id, last.1 AS day, last.2 AS outcome_type, last.3 AS status, last.4 AS run_id, last.5 AS workflow,
           last.6 AS feature, last.7 AS customer_id, last.8 AS user_id, last.9 AS plan, last.10 AS value
    FROM
    (
        SELECT outcome_id,
               argMax((toDate(at, {timezone:String}), if(outcome_type = '', '(untyped)', toString(outcome_type)), toString(status),
                       run_id, toString(workflow), toString(feature), customer, user_id, toString(plan), value),
                      (recorded_at, id)) AS last
        FROM outcomes
        WHERE outcome_id IN
        (
            SELECT outcome_id FROM outcomes
            WHERE toDate(at, {timezone:String}) >= {start:Date} AND toDate(at, {timezone:String}) < {end:Date}
        )
        GROUP BY outcome_id
    )
    WHERE day >= {start:Date} AND day < {end:Date}
),
runs AS
(
    SELECT run_id, argMax((customer_id, toString(plan), toString(feature), toString(workflow)),
                          (cell_calls, toString(feature), toString(workflow), toString(plan), customer_id)) AS said
    FROM
    (
        SELECT run_id, customer_id, plan, feature, workflow, sum(calls) AS cell_calls
        FROM runs_day
        WHERE run_id IN (SELECT run_id FROM latest WHERE run_id != '')
        GROUP BY run_id, customer_id, plan, feature, workflow
    )
    GROUP BY run_id
)
SELECT
    [customer_id, plan, feature, workflow, user_id, outcome_type] AS names,
    $as_of AS as_of,
    count(), countIf(status = 'success'), countIf(status = 'success' AND value IS NULL),
    reinterpret(toDecimal128(ifNull(sumIf(value, status = 'success'), 0), 12), 'Int128')
FROM
(
    SELECT
        day, outcome_type, status, value, user_id,
        if(l.customer_id = '', r.said.1, l.customer_id) AS customer_id,
        if(l.plan = '', r.said.2, l.plan) AS plan,
        if(l.feature = '', r.said.3, l.feature) AS feature,
        if(l.workflow = '', r.said.4, l.workflow) AS workflow
    FROM latest AS l
    LEFT JOIN runs AS r ON l.run_id = r.run_id
)
GROUP BY customer_id, plan, feature, workflow, user_id, outcome_type, as_of
