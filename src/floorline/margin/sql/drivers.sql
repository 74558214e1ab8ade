-- drivers: what explains the cost of a window's calls, by raw names and by span of days in which a name means the same. One row has all
-- customers of calls that are alike otherwise, and their numbers as text: see DriverRow. Days, environment and purpose as everywhere;
-- baselines are added up.
SELECT
    f, p, t, v, m, r, as_of, groupArray(customer_id), hex(arrayStringConcat(groupArray(numbers)))
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
