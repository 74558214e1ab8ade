-- p95_exact: the nearest-rank 95th percentile of the effective cost per priced call: the value at rank ceil(0.95 n). The row whose as_of
-- is 0 is the whole window.
SELECT $list AS names, as_of, arraySort(groupArray(pico))[intDiv(95 * count() + 99, 100)]
FROM
(
    SELECT $names, $as_of AS as_of, pico
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
)
GROUP BY GROUPING SETS (($groups), ())
HAVING count() > 0
