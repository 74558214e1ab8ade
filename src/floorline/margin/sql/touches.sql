-- touches: what guardrails did to the calls of a window, by raw names and by span of days in which these mean the same. One row has
-- all customers (users or keys of calls without one) of calls that are alike otherwise, and their numbers as text: see TouchRow.
-- Days, environment and purpose as everywhere; money comes as integers of 10^-12 USD.
SELECT
    f, g, a, m, c, as_of, named, groupArray(customer), sum(n1), reinterpret(sum(m1), 'Int128'),
    hex(arrayStringConcat(groupArray(numbers)))
FROM
(
    SELECT
        toString(feature) AS f, toString(guardrail) AS g, toString(arm) AS a, toString(mode) AS m, toString(action) AS c,
        $as_of AS as_of, customer_id != '' AS named, if(named, customer_id, other_id) AS customer,
        sum(unvalued) AS n1, sum(saved) AS m1, $numbers AS numbers
    FROM touches_day
    WHERE day >= {start:Date} AND day < {end:Date} $features $some
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY feature, customer_id, other_id, as_of, guardrail, arm, mode, action
)
GROUP BY f, g, a, m, c, as_of, named
