-- limits_use: how answers of some days ended, and what of prompts and answers could be shorter, by feature. `answer_end` is on the
-- records of watched calls; of others that were bounded one that used all of its bound was cut (the bound is in the reason that
-- guardrails/output.py gives). A size is priced by its call's own cost of input, or by its own price of an output token.
-- Money as integers of 10^-12 USD. The columns are the fields of jobs.limits.UseRow.
SELECT
    CAST(feature AS String),
    countIf(end != ''), countIf(end = 'length'), countIf(bounded), countIf(bounded AND end = 'length'),
    countIf(preamble > 0), sum(preamble), reinterpret(sum(preamble_cost), 'Int128'),
    countIf(context > 0), sum(context), sum(pieces), reinterpret(sum(input_cost * least(context, input_tokens) / greatest(input_tokens, 1)), 'Int128'),
    countIf(examples > 0), sum(examples), sum(shown), reinterpret(sum(input_cost * least(examples, input_tokens) / greatest(input_tokens, 1)), 'Int128')
FROM
(
    SELECT
        feature, input_tokens,
        toUInt64OrZero(extract(arrayFirst(reason -> startsWith(reason, 'output: at most '), reasons), '^output: at most (\\d+) ')) AS bound,
        multiIf(metadata['answer_end'] != '', metadata['answer_end'], bound = 0 OR ending != 'complete' OR verdict != 'forward', '',
                output_tokens >= bound, 'length', 'stop') AS end,
        arrayExists((guardrail, arm) -> guardrail = 'output' AND arm = 'treated', `touches.guardrail`, `touches.arm`) AS bounded,
        toUInt64OrZero(metadata['preamble_tokens']) AS preamble,
        toUInt64OrZero(metadata['context_tokens']) AS context,
        toUInt64OrZero(metadata['context_pieces']) AS pieces,
        toUInt64OrZero(metadata['example_tokens']) AS examples,
        toUInt64OrZero(metadata['example_pieces']) AS shown,
        arraySum(arrayMap((unit, cost) -> if(unit IN {input:Array(String)}, toDecimal128(cost, 12), toDecimal128(0, 12)), `lines.unit`, `lines.effective`)) AS input_cost,
        arraySum(arrayMap((unit, price, per) -> if(unit = 'output', toDecimal128(price, 12) * preamble / per, toDecimal128(0, 12)), `lines.unit`, `lines.unit_price`, `lines.per`)) AS preamble_cost
    FROM calls
    WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
      AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
)
WHERE end != '' OR bounded
GROUP BY feature
ORDER BY feature
