-- guarded_calls: every call of one key, straight from the base table: its verdict, what it cost, and what it would have cost had no
-- guardrail touched it. In 10^-12 USD.
SELECT
    id, verdict, reinterpret(ifNull(effective_cost, toDecimal64(0, 12)), 'Int64'),
    reinterpret(coalesce(counterfactual_cost, effective_cost, toDecimal64(0, 12)), 'Int64')
FROM calls
WHERE source = 'gateway' AND key_id = {key:String}
ORDER BY id
