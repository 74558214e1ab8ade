-- drivers: what explains the cost of a window's calls, by raw names and by span of days in which a name means the same. Columns, as
-- in usage_sums. Days, environment and purpose as everywhere; baselines are added up.
SELECT
    $columns AS names, groupArray(as_of),
    groupArray(n1), groupArray(n2), groupArray(n3), groupArray(n4),
    groupArray(q1), groupArray(q2), groupArray(q3), groupArray(q4), groupArray(q5), groupArray(q6),
    groupArray(m1), groupArray(m2), groupArray(m3), groupArray(m4), groupArray(m5), groupArray(m6), groupArray(m7), groupArray(m8)
FROM
(
    SELECT
        $names, $as_of AS as_of,
        sum(calls) AS n1, sum(hits) AS n2, sum(refused) AS n3, sum(unpriced) AS n4,
        sum(input_tokens) AS q1, sum(cache_read_tokens) AS q2, sum(cache_write_tokens) AS q3,
        sum(output_tokens) AS q4, sum(reasoning_tokens) AS q5, sum(other_units) AS q6,
        reinterpret(sum(input_cost), 'Int128') AS m1,
        reinterpret(sum(cache_read_cost), 'Int128') AS m2,
        reinterpret(sum(cache_write_cost), 'Int128') AS m3,
        reinterpret(sum(output_cost), 'Int128') AS m4,
        reinterpret(sum(reasoning_cost), 'Int128') AS m5,
        reinterpret(sum(retry_cost), 'Int128') AS m6,
        reinterpret(sum(adjusted_cost), 'Int128') AS m7,
        reinterpret(sum(effective_cost), 'Int128') AS m8
    FROM drivers_day
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY $groups
)
