-- margin_baseline: the engine's own bare sum over the rollup that serves a table by customer, feature or workflow.
SELECT toString({column:Identifier}), sum(effective_cost)
FROM {rollup:Identifier}
WHERE day >= {start:Date} AND day < {end:Date}
GROUP BY {column:Identifier}
