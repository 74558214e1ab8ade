-- Every imported exchange rate. Of two sources that state the same day the one that sorts last is used.
SELECT currency, day, usd_per_unit
FROM fx_rates
ORDER BY currency, day, source, id
