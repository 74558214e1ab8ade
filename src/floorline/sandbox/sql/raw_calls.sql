-- raw_calls: every row of the base table by feature, of production and of some days of UTC, past every rollup. Cost in 10^-12 USD.
SELECT feature, toInt64(count()), toInt64(countIf(effective_cost IS NULL)), reinterpret(sum(effective_cost), 'Int128')
FROM calls
WHERE toDate(opened_at, 'UTC') >= {start:Date} AND toDate(opened_at, 'UTC') < {end:Date}
    AND environment = 'production' AND purpose = 'production'
GROUP BY feature
ORDER BY feature
