-- revenue_lines: the lines whose period meets the given days, amounts in 10^-12 USD, days as Python's date.toordinal.
-- One row of columns, as usage_sums. {kinds}: lines of these kinds, or of all when empty; {whose}: of these customers, likewise.
SELECT groupArray(customer), groupArray(toString(plan)), groupArray(toString(feature)),
       groupArray(reinterpret(amount, 'Int64')),
       groupArray(toInt32(period_start) + 719163), groupArray(toInt32(period_end) + 719163),
       groupArray(toString(kind))
FROM revenue
WHERE period_start < {end:Date} AND greatest(period_end, period_start + 1) > {start:Date}
  AND (empty({kinds:Array(String)}) OR has({kinds:Array(String)}, toString(kind)))
  AND (empty({whose:Array(String)}) OR has({whose:Array(String)}, customer))
