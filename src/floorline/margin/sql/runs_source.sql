-- runs_source: the runs' rollup with the outcome of each run, only runs that have one. A source of usage_sums and usage_weights.
(
    SELECT r.*, o.outcome AS outcome
    FROM runs_day AS r
    INNER JOIN ($run_outcomes) AS o ON r.run_id = o.run_id
)
