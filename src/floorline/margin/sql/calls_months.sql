-- calls_months: calls_day by its first day of the month for {months}, which lie whole within the days asked for, and day by day for the
-- rest of them (and for customers whose names change within a month).
(
    SELECT month AS day, environment, purpose, customer_id, feature, plan, calls, unpriced, input_tokens, output_tokens,
           effective_cost, retry_cost, orchestration_cost, provider_cost, estimated_cost, unattributed_cost
    FROM calls_month
    WHERE month IN {months:Array(Date)} $unchanging
    UNION ALL
    SELECT day, environment, purpose, customer_id, feature, plan, calls, unpriced, input_tokens, output_tokens,
           effective_cost, retry_cost, orchestration_cost, provider_cost, estimated_cost, unattributed_cost
    FROM calls_day
    WHERE day >= {start:Date} AND day < {end:Date} AND (toYYYYMM(day) NOT IN {partitions:Array(UInt32)} $changing)
)
