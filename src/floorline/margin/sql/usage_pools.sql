-- usage_pools: the use of whole months by which revenue and shared costs are divided: a row of columns for each customer, plan and
-- span, and one after another the features of each. Ten thousand customers cost a list a column, and none a customer.
SELECT
    groupArray(customer_id), groupArray(CAST(plan AS String)), groupArray(as_of), groupArray(length(features)),
    groupArrayArray(features), groupArrayArray(n1), $n2, $n3, $m1
FROM
(
    SELECT
        customer_id, plan, as_of,
        groupArray(CAST(feature AS String)) AS features,
        groupArray(n1) AS n1, groupArray(n2) AS n2, groupArray(n3) AS n3, groupArray(m1) AS m1
    FROM
    (
        SELECT
            customer_id, plan, feature, $as_of AS as_of,
            sum(calls) AS n1, sum(input_tokens) AS n2, sum(output_tokens) AS n3,
            reinterpret(sum(effective_cost), 'Int128') AS m1
        FROM $source
        WHERE day >= {start:Date} AND day < {end:Date}
          AND ({environment:String} = 'all' OR environment = {environment:String})
          AND ({purpose:String} = 'all' OR purpose = {purpose:String})
          $whose
        GROUP BY customer_id, plan, feature, as_of
    )
    GROUP BY customer_id, plan, as_of
)
