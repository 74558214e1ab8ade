-- backlog_slices: calls of a window by purpose, feature, call type, provider and model, with the calls and input tokens of the window
-- before it. Patient calls wait for no first token: evaluation; else not streamed, and of a kind that nobody waits for or at night.
-- `asked` is what a call says that it asks: its request_hash; of an embedding the content_hash too.
-- Money as integers of 10^-12 USD, as recorded. The columns are the fields of jobs.backlogging.SliceRow.
SELECT
    purpose, feature, call_type, provider, model_served,
    countIf(inside), countIf(inside AND cost_basis = 'unpriced'),
    reinterpret(sumIf(cost, inside), 'Int128'),
    sumMapIf(usage, inside AND cost_basis != 'unpriced'),
    sumIf(input_tokens, inside), sumIf(cache_read_tokens, inside), sumIf(output_tokens, inside),
    toUInt64(ifNotFinite(quantileTDigestIf(0.95)(output_tokens, inside), 0)),
    countIf(inside AND patient), reinterpret(sumIf(cost, inside AND patient), 'Int128'),
    countIf(inside AND asked != ''),
    countIf(NOT inside), sumIf(input_tokens, NOT inside)
FROM
(
    SELECT
        purpose, feature, call_type, provider, model_served, cost_basis, usage, input_tokens, cache_read_tokens, output_tokens,
        if(metadata['request_hash'] = '' AND call_type = 'embedding', metadata['content_hash'], metadata['request_hash']) AS asked,
        toDecimal128(ifNull(effective_cost, 0), 12) AS cost,
        toDate(opened_at, {timezone:String}) >= {start:Date} AS inside,
        service_tier != 'batch' AND (
            purpose = 'evaluation'
            OR (NOT streamed AND (call_type IN {patient:Array(String)} OR toHour(opened_at, {timezone:String}) NOT BETWEEN 6 AND 21))
        ) AS patient
    FROM calls
    WHERE utc_day >= {before:Date} - 1 AND utc_day <= {end:Date}
      AND toDate(opened_at, {timezone:String}) >= {before:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
      AND environment = 'production' AND purpose IN ('production', 'evaluation') AND verdict = 'forward'
)
GROUP BY purpose, feature, call_type, provider, model_served
ORDER BY purpose, feature, call_type, provider, model_served
