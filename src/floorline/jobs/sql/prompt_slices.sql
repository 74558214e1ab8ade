-- prompt_slices: a window's production calls that have prompts of their application's (calls of the gateway's own do not), by feature,
-- prompt, provider, model and use of the provider's cache.
-- The columns are the fields of jobs.prompting.SliceRow.
SELECT
    feature, replaceRegexpOne(baseline, '@[^@]*$', '') AS prompt, provider, model_served,
    multiIf(cache_read_tokens > 0, 'read', usage['cache_write_5m'] + usage['cache_write_1h'] > 0, 'written', 'plain') AS cached,
    count(), countIf(cost_basis != 'unpriced'), sumMapIf(usage, cost_basis != 'unpriced')
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND environment = 'production' AND purpose = 'production' AND verdict = 'forward'
  AND call_type NOT IN ('embedding', 'rerank', 'retrieval', 'moderation') AND NOT mapContains(metadata, 'made_for')
GROUP BY feature, prompt, provider, model_served, cached
ORDER BY feature, prompt, provider, model_served, cached
