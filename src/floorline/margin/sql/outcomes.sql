-- outcomes: outcomes by raw names and span of days: how many, how many successes, successes that carry no value of their own,
-- and the sum of the values of the others in 10^-12 USD. Of an outcome's records the last counts ($last). What an
-- outcome does not say of itself, its run says: where most of its calls are, and of equals the last by name. Names that are not
-- {needed} are told of outcomes that earn something alone; {priced} says whether a success without a value may.
WITH latest AS
(
    SELECT toDate(at, {timezone:String}) AS day, if(outcome_type = '', '(untyped)', toString(outcome_type)) AS outcome_type,
           toString(status) AS status, run_id, toString(workflow) AS workflow, toString(feature) AS feature,
           customer AS customer_id, user_id, toString(plan) AS plan, value
    FROM outcomes
    $last
),
within AS (SELECT * FROM latest WHERE day >= {start:Date} AND day < {end:Date})
SELECT [g0, g1, g2, g3, g4, g5] AS names, as_of, count(), countIf(status = 'success'), countIf(status = 'success' AND value IS NULL),
       reinterpret(toDecimal128(ifNull(sumIf(value, status = 'success'), 0), 12), 'Int128')
FROM
(
    SELECT
        status, value, $as_of AS as_of,
        status = 'success' AND if(value IS NULL, {priced:UInt8}, value != 0) AS earns,
        if(earns OR has({needed:Array(UInt8)}, 0), customer_id, '') AS g0,
        if(earns OR has({needed:Array(UInt8)}, 1), plan, '') AS g1,
        if(earns OR has({needed:Array(UInt8)}, 2), feature, '') AS g2,
        if(earns OR has({needed:Array(UInt8)}, 3), workflow, '') AS g3,
        if(earns OR has({needed:Array(UInt8)}, 4), user_id, '') AS g4,
        if(earns OR has({needed:Array(UInt8)}, 5), outcome_type, '') AS g5
    FROM $told
    WHERE 1 $whose
)
GROUP BY g0, g1, g2, g3, g4, g5, as_of
