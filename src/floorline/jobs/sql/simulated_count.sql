-- simulated_count: how many calls of some days can be simulated (see simulated_calls), and how many there are besides that went to a provider.
SELECT countIf(good), countIf(NOT good)
FROM (
    SELECT ending = 'complete' AND effective_cost IS NOT NULL AND notEmpty(usage) AND notEmpty(`attempts.model`) AS good
    FROM calls
    WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
      AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
      AND verdict = 'forward' AND NOT mapContains(metadata, 'made_for')
)
