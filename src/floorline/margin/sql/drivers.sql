-- drivers: what explains the cost of a window's calls, by raw names and by span of days in which a name means the same: a row of columns
-- for calls that are alike in all but their customer, and one after another the customers of each. Their numbers are text: see
-- DriverColumns. Days, environment and purpose as everywhere; baselines are added up.
SELECT
    groupArray(f), groupArray(p), groupArray(t), groupArray(v), groupArray(m), groupArray(r), groupArray(as_of),
    groupArray(length(customers)), groupArrayArray(customers), hex(arrayStringConcat(groupArray(numbers)))
FROM
(
    SELECT f, p, t, v, m, r, as_of, groupArray(customer_id) AS customers, arrayStringConcat(groupArray(numbers)) AS numbers
    FROM
    (
        SELECT
            customer_id, toString(feature) AS f, toString(plan) AS p, toString(call_type) AS t, toString(provider) AS v,
            toString(model) AS m, toString(tried) AS r, $as_of AS as_of, $numbers AS numbers
        FROM drivers_day
        WHERE day >= {start:Date} AND day < {end:Date} $features $models
          AND ({environment:String} = 'all' OR environment = {environment:String})
          AND ({purpose:String} = 'all' OR purpose = {purpose:String})
        GROUP BY customer_id, feature, plan, call_type, provider, model, tried, as_of
    )
    GROUP BY f, p, t, v, m, r, as_of
)
