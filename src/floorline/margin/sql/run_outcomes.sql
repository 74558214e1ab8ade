-- run_outcomes: the outcome type of each run (a part of other queries). Of an outcome's records the one recorded last counts;
-- of a run's outcomes the one dated last.
SELECT run_id, argMax(if(outcome_type = '', '(untyped)', outcome_type), (at, outcome_id)) AS outcome
FROM
(
    SELECT outcome_id, latest.1 AS run_id, latest.2 AS outcome_type, latest.3 AS at
    FROM
    (
        SELECT outcome_id, argMax((run_id, toString(outcome_type), at), (recorded_at, id)) AS latest
        FROM outcomes GROUP BY outcome_id
    )
)
WHERE run_id != ''
GROUP BY run_id
