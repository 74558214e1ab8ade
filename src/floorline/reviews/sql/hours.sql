-- hours: the tokens of every hour (UTC) in which a model was called for a feature, in no order.
SELECT CAST(feature AS String), CAST(model AS String), groupArray(tokens)
FROM
(
    SELECT feature, model, toStartOfHour(five_minute) AS hour, sum(input_tokens) + sum(output_tokens) AS tokens
    FROM calls_5m
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY feature, model, hour
)
GROUP BY feature, model
ORDER BY feature, model
