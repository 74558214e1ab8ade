-- prompt_calls: of captured calls that are not the gateway's own, by their ids, what the ledger has of them. `counted` is the provider's own count of the input; 0 where
-- it is an estimate, or was sent more than once. The columns are the fields of jobs.prompting.CallRow.
SELECT
    id, replaceRegexpOne(baseline, '@[^@]*$', ''), provider, model_served,
    if(cost_basis IN ('provider', 'computed') AND ending = 'complete' AND length(`attempts.model`) < 2, input_tokens, 0)
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND environment = 'production' AND purpose = 'production' AND verdict = 'forward'
  AND id IN {ids:Array(String)} AND NOT mapContains(metadata, 'made_for')
