-- unsure_features: of each feature, the cost of the window's calls without a customer or a feature, and the cost that is an
-- estimate. The columns are the fields of jobs.quality.UnsureFeature; money is in 10^-12 USD.
SELECT
    CAST(feature AS String), sum(calls), sumIf(calls, customer_id = '' OR feature = ''), sumIf(unpriced, customer_id = '' OR feature = ''),
    reinterpret(sum(effective_cost), 'Int128'), reinterpret(sum(unattributed_cost), 'Int128'),
    reinterpret(sum(estimated_cost), 'Int128')
FROM $source
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY feature
