-- fair_use_pattern: how the calls of one customer, or of one of its users, came on a day, and the feature, key and user that most of
-- their cost went to, with their cost on that day and from `start` on before it (10^-12 USD).
WITH calls_of AS
(
    SELECT opened_at, toDate(opened_at, {timezone:String}) AS day, toString(feature) AS feature, toString(key_id) AS key, user_id AS user,
           reinterpret(toDecimal128(ifNull(effective_cost, 0), 12), 'Int128') AS cost
    FROM calls
    WHERE utc_day >= {start:Date} - 1 AND utc_day <= {today:Date} + 1
      AND customer_id = {customer:String} AND ({user:String} = '' OR user_id = {user:String})
      AND environment = 'production' AND purpose = 'production'
),
of_day AS (SELECT * FROM calls_of WHERE day = {today:Date}),
gaps AS (SELECT arraySort(arrayPopFront(arrayDifference(arraySort(groupArray(toUnixTimestamp64Milli(opened_at)))))) AS gap FROM of_day),
top AS
(
    SELECT argMax(feature, (by_feature, feature)) AS feature, argMax(key, (by_key, key)) AS key, argMax(user, (by_user, user)) AS user
    FROM
    (
        SELECT feature, key, user, sum(cost) OVER (PARTITION BY feature) AS by_feature, sum(cost) OVER (PARTITION BY key) AS by_key,
               sum(cost) OVER (PARTITION BY user) AS by_user
        FROM of_day
    )
),
sums AS
(
    SELECT sumIf(cost, day = {today:Date}) AS today, sumIf(cost, day < {today:Date}) AS before,
           sumIf(cost, day = {today:Date} AND feature = (SELECT feature FROM top)) AS feature_today,
           sumIf(cost, day < {today:Date} AND feature = (SELECT feature FROM top)) AS feature_before,
           sumIf(cost, day = {today:Date} AND key = (SELECT key FROM top)) AS key_today,
           sumIf(cost, day < {today:Date} AND key = (SELECT key FROM top)) AS key_before,
           sumIf(cost, day = {today:Date} AND user = (SELECT user FROM top)) AS user_today,
           sumIf(cost, day < {today:Date} AND user = (SELECT user FROM top)) AS user_before
    FROM calls_of
    WHERE day >= {start:Date} AND day <= {today:Date}
)
SELECT
    (SELECT uniqExact(toHour(opened_at, {timezone:String})) FROM of_day),
    (SELECT max(n) FROM (SELECT count() AS n FROM of_day GROUP BY toStartOfMinute(opened_at))),
    (SELECT count() FROM of_day),
    (SELECT gap[intDiv(length(gap) - 1, 4) + 1] FROM gaps),
    (SELECT gap[intDiv(3 * (length(gap) - 1), 4) + 1] FROM gaps),
    (SELECT feature FROM top), (SELECT key FROM top), (SELECT user FROM top),
    today, before, feature_today, feature_before, key_today, key_before, user_today, user_before
FROM sums
