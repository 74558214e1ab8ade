-- feature_costs: the priced calls of some raw features by day and 2 % bucket of what each cost, as hist_feature_day has them.
SELECT day, feature, groupArray(bucket), groupArray(calls)
FROM
(
    SELECT day, toString(feature) AS feature, toInt32(bucket) AS bucket, toInt64(sum(h.calls)) AS calls
    FROM hist_feature_day AS h
    WHERE day >= {start:Date} AND day < {end:Date} AND feature IN {features:Array(String)}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY day, feature, bucket
    HAVING calls > 0
)
GROUP BY day, feature
