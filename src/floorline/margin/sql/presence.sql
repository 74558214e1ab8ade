-- presence: how often the customers that a guardrail treated or held out called each feature, before the day `middle` of the window
-- and from it on. One row of columns, as usage_sums.
SELECT groupArray(CAST(feature AS String)), groupArray(customer_id), groupArray(as_of), groupArray(early), groupArray(late)
FROM
(
    SELECT feature, customer_id, $as_of AS as_of, sumIf(calls, day < {middle:Date}) AS early, sumIf(calls, day >= {middle:Date}) AS late
    FROM calls_day
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
      AND customer_id IN
      (
          SELECT customer_id FROM touches_day
          WHERE day >= {start:Date} AND day < {end:Date} AND customer_id != '' AND arm IN ('treated', 'holdout')
      )
    GROUP BY feature, customer_id, as_of
)
