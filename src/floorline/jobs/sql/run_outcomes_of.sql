-- run_outcomes_of: the outcomes of one run as they stand: of the records of one outcome the last one counts. The columns are the
-- fields of jobs.recorded.RunOutcome; the value is text, '' where none is stated.
SELECT outcome_id, last.1, last.2, last.3, last.4, last.5
FROM
(
    SELECT outcome_id, argMax((at, toString(outcome_type), toString(status), ifNull(toString(value), ''), reason),
                              (recorded_at, id)) AS last
    FROM outcomes
    WHERE run_id = {run:String}
    GROUP BY outcome_id
)
ORDER BY last.1, outcome_id
