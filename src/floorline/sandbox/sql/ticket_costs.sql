-- ticket_costs: what the calls of each run of a workflow cost, in 10^-12 USD.
SELECT reinterpret(sum(effective_cost), 'Int128')
FROM runs_day
WHERE day >= {start:Date} AND day < {end:Date} AND workflow = {workflow:String}
GROUP BY run_id
