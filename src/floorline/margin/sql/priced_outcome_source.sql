-- priced_outcome_source: priced_source with the outcome of each call's run.
(
    SELECT p.*, o.outcome AS outcome
    FROM $priced AS p
    LEFT JOIN ($run_outcomes) AS o ON p.run_id = o.run_id
)
