-- The revenue lines of some Stripe invoices and what reverses them. A line's id starts with its invoice's: in_…/il_….
SELECT id, customer, plan, feature, billed_amount, billed_currency, fx_day, period_start, period_end, kind, reverses
FROM revenue
WHERE source = {source:String}
  AND (splitByChar('/', id)[1] IN {invoices:Array(String)} OR splitByChar('/', reverses)[1] IN {invoices:Array(String)})
ORDER BY id
