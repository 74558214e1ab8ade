-- p95_buckets: priced calls by 2 % bucket of cost; bucket b holds [1.02^b, 1.02^(b+1)) USD, -32768 holds zero.
SELECT $list AS names, as_of, bucket, sum(calls)
FROM
(
    SELECT $names, $as_of AS as_of, bucket, calls
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
)
GROUP BY $groups, bucket
