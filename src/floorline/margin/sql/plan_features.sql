-- plan_features: which features the calls of a window are for, by raw plan and span: a row for all customers of the plan that use
-- the same ones, so that ten thousand customers arrive as a few rows.
SELECT of_plan, as_of, features, groupArray(customer_id)
FROM
(
    SELECT
        customer_id, CAST(plan AS String) AS of_plan, $as_of AS as_of,
        arraySort(groupUniqArray(CAST(feature AS String))) AS features
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY customer_id, of_plan, as_of
)
GROUP BY of_plan, as_of, features
