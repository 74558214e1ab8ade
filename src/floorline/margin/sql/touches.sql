-- touches: what guardrails did to the calls of a window, by raw feature and customer (without one, by user or key) and by span of
-- days in which these mean the same. Days, environment and purpose as everywhere; money comes as integers of 10^-12 USD.
SELECT
    toString(feature), customer_id, other_id, $as_of AS as_of, toString(guardrail), toString(arm), toString(mode), toString(action),
    sum(calls), sum(unpriced), sum(unvalued), sum(errors),
    reinterpret(sum(saved), 'Int128'), reinterpret(sum(spent), 'Int128'), reinterpret(sum(effective_cost), 'Int128')
FROM touches_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY feature, customer_id, other_id, as_of, guardrail, arm, mode, action
