-- touches: what guardrails did to the calls of a window, by raw feature and customer (without one, by user or key) and by span of
-- days in which these mean the same. Days, environment and purpose as everywhere; money comes as integers of 10^-12 USD. One row of
-- columns, as usage_sums.
SELECT
    groupArray(CAST(feature AS String)), groupArray(customer_id), groupArray(other_id), groupArray(as_of),
    groupArray(CAST(guardrail AS String)), groupArray(CAST(arm AS String)), groupArray(CAST(mode AS String)),
    groupArray(CAST(action AS String)),
    groupArray(n1), groupArray(n2), groupArray(n3), groupArray(n4), groupArray(m1), groupArray(m2), groupArray(m3)
FROM
(
    SELECT
        feature, customer_id, other_id, $as_of AS as_of, guardrail, arm, mode, action,
        sum(calls) AS n1, sum(unpriced) AS n2, sum(unvalued) AS n3, sum(errors) AS n4,
        reinterpret(sum(saved), 'Int128') AS m1, reinterpret(sum(spent), 'Int128') AS m2,
        reinterpret(sum(effective_cost), 'Int128') AS m3
    FROM touches_day
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY feature, customer_id, other_id, as_of, guardrail, arm, mode, action
)
