-- margin_revenue: a monthly invoice line of every one of 10,000 customers, four months from December 2025, anniversaries spread.
INSERT INTO revenue
    (source, id, customer, plan, feature, amount, billed_amount, billed_currency, period_start, period_end, kind, reverses)
WITH
    number % 10000 AS customer,
    intDiv(number, 10000) AS month,
    addMonths(toDate('2025-12-01'), month) + customer % 28 AS start
SELECT
    'bench', toString(number), concat('customer-', toString(customer)), ['free', 'pro', 'enterprise'][customer % 3 + 1], '',
    toDecimal64(20 + customer % 400, 12), toDecimal64(20 + customer % 400, 12), 'USD', start, addMonths(start, 1), 'subscription', ''
FROM numbers(40000)
