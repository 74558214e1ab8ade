-- user_tokens: every user's tokens and cost, as columns, the least tokens first; ids are the organisation's, as in tables by user.
SELECT groupArray(tokens), groupArray(cost)
FROM
(
    SELECT sum(input_tokens) + sum(output_tokens) AS tokens, reinterpret(sum(effective_cost), 'Int128') AS cost
    FROM detail_day
    WHERE day >= {start:Date} AND day < {end:Date} AND user_id != ''
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY user_id
    ORDER BY tokens, cost
)
