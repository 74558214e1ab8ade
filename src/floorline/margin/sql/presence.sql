-- presence: which customers called some features before the day `middle` of the window, and which from it on, by raw names and span
-- of days. One row has all customers of a feature: see PresenceRow.
SELECT f, as_of, groupArray(customer_id), groupArray(early), groupArray(late)
FROM
(
    SELECT
        toString(feature) AS f, customer_id, $as_of AS as_of,
        sumIf(calls, day < {middle:Date}) > 0 AS early, sumIf(calls, day >= {middle:Date}) > 0 AS late
    FROM calls_day
    WHERE day >= {start:Date} AND day < {end:Date} $features
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY feature, customer_id, as_of
)
GROUP BY f, as_of
