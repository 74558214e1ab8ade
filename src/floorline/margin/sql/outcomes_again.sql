-- outcomes_again: how many outcomes have a record dated before some day and another one from it on (a part of any_outcome).
(
    SELECT uniqExact(outcome_id) FROM outcomes
    WHERE $before AND outcome_id IN (SELECT outcome_id FROM outcomes WHERE NOT $before)
)
