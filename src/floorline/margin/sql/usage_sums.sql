-- usage_sums: what the calls of a window amount to, by raw names and by span of days in which a name means the same.
-- $source is a rollup of days (or calls joined with outcomes); money comes as integers of 10^-12 USD; `as_of` is the span's
-- first day as Python's date.toordinal. One row of columns: ten thousand customers arrive as sixteen arrays.
SELECT
    $columns AS names, groupArray(as_of),
    groupArray(n1), groupArray(n2), groupArray(n3), groupArray(n4),
    groupArray(m1), groupArray(m2), groupArray(m3), groupArray(m4), groupArray(m5), groupArray(m6)
FROM
(
    SELECT
        $names, $as_of AS as_of,
        sum(calls) AS n1, sum(unpriced) AS n2, sum(input_tokens) AS n3, sum(output_tokens) AS n4,
        reinterpret(sum(effective_cost), 'Int128') AS m1,
        reinterpret(sum(retry_cost), 'Int128') AS m2,
        reinterpret(sum(orchestration_cost), 'Int128') AS m3,
        reinterpret(sum(provider_cost), 'Int128') AS m4,
        reinterpret(sum(estimated_cost), 'Int128') AS m5,
        reinterpret(sum(unattributed_cost), 'Int128') AS m6
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
      $whose
      $features
    GROUP BY $groups
)
