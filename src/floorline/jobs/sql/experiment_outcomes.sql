-- experiment_outcomes: outcomes that were recorded lately, of runs with a call in an experiment: the latest word on each, with one such
-- call for every experiment. The columns are the fields of jobs.experimenting.OutcomeRow.
SELECT outcome_id, argMax(CAST(status AS String), recorded_at) AS status, max(o.at) AS at, guardrail,
       any(arm) AS arm, any(c.id) AS call_id, any(c.customer_id) AS customer, any(c.user_id) AS user, any(c.model) AS model
FROM outcomes AS o
INNER JOIN
(
    SELECT run_id, id, customer_id, user_id, CAST(model_served AS String) AS model,
           CAST(touch.1 AS String) AS guardrail, CAST(touch.2 AS String) AS arm
    FROM calls
    ARRAY JOIN arrayZip(`touches.guardrail`, `touches.arm`) AS touch
    WHERE utc_day >= toDate({since:DateTime64(6, 'UTC')}) - 7 AND run_id != '' AND touch.1 IN {guardrails:Array(String)}
) AS c ON c.run_id = o.run_id
WHERE o.recorded_at >= {since:DateTime64(6, 'UTC')} AND o.run_id != '' AND o.status IN ('success', 'failed')
GROUP BY outcome_id, guardrail
ORDER BY at, outcome_id, guardrail
