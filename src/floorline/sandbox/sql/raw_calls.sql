-- raw_calls: every row of the base table by feature, past every rollup. Cost in 10^-12 USD.
SELECT feature, toInt64(count()), toInt64(countIf(effective_cost IS NULL)), reinterpret(sum(effective_cost), 'Int128')
FROM calls
GROUP BY feature
ORDER BY feature
