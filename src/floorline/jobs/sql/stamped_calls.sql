-- stamped_calls: which price versions the calls of some days were stamped with: how many, when first and last, and what they cost
-- as recorded, in 10^-12 USD. Of one version, or of one model of a provider; '' is any.
SELECT
    CAST(provider AS String), CAST(model_served AS String), CAST(price_version AS String), count(), min(opened_at), max(opened_at),
    reinterpret(toDecimal128(sum(ifNull(effective_cost, 0)), 12), 'Int128')
FROM calls
WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
  AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND price_version != ''
  AND ({version:String} = '' OR price_version = {version:String})
  AND ({model:String} = '' OR (model_served = {model:String} AND provider = {provider:String}))
GROUP BY provider, model_served, price_version
ORDER BY provider, model_served, min(opened_at)
