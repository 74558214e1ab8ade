-- p95_costs: every priced call's cost by raw names, for groups that several raw names make up.
SELECT $list AS names, as_of, groupArray(pico)
FROM
(
    SELECT $names, $as_of AS as_of, pico
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
)
GROUP BY $groups
