-- usage_weights: the use of whole months, by which revenue and shared costs are divided. As usage_sums, but only the drivers.
SELECT
    $columns AS names, groupArray(as_of),
    groupArray(n1), groupArray(n2), groupArray(n3), groupArray(m1)
FROM
(
    SELECT
        $names, $as_of AS as_of,
        sum(calls) AS n1, sum(input_tokens) AS n2, sum(output_tokens) AS n3,
        reinterpret(sum(effective_cost), 'Int128') AS m1
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY $groups
)
