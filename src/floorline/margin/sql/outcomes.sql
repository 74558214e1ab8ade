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
SELECT names, as_of, count(), countIf(status = 'success'), countIf(status = 'success' AND value IS NULL),
       reinterpret(toDecimal128(ifNull(sumIf(value, status = 'success'), 0), 12), 'Int128')
FROM
(
    SELECT
        status, value, $as_of AS as_of,
        status = 'success' AND if(value IS NULL, {priced:UInt8}, value != 0) AS earns,
        arrayMap((name, place) -> if(earns OR has({needed:Array(UInt8)}, place), name, ''),
                 [customer_id, plan, feature, workflow, user_id, outcome_type], [0, 1, 2, 3, 4, 5]) AS names
    FROM
    (
        SELECT
            day, outcome_type, status, value, user_id,
            if(l.customer_id = '', r.said.1, l.customer_id) AS customer_id,
            if(l.plan = '', r.said.2, l.plan) AS plan,
            if(l.feature = '', r.said.3, l.feature) AS feature,
            if(l.workflow = '', r.said.4, l.workflow) AS workflow
        FROM within AS l
        LEFT JOIN ($runs) AS r ON l.run_id = r.run_id
    )
    WHERE 1 $whose
)
GROUP BY names, as_of
