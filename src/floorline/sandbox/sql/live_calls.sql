-- live_calls: every call that came through the gateway, straight from the base table. Cost in 10^-12 USD.
SELECT id, feature, ending, cost_basis, reinterpret(assumeNotNull(effective_cost), 'Int64')
FROM calls
WHERE source = 'gateway' AND effective_cost IS NOT NULL
ORDER BY id
