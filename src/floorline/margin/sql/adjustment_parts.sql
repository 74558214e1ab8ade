-- adjustment_parts: adjustments to calls of the window within the scope, whenever they were applied.
SELECT count(), reinterpret(sum(toDecimal128(effective_delta, 12)), 'Int128')
FROM adjustments
WHERE toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
