-- no_runs: in place of outcome_runs, where no outcome leaves anything to its run.
SELECT '' AS run_id, ('', '', '', '') AS said WHERE 0
