-- any_outcome: how many outcomes there are on record, and how many of them leave to their run whose they are: a count that costs
-- little, because the question after it costs something even of no rows.
SELECT count(), countIf(run_id != '' AND (customer = '' OR plan = '' OR feature = '' OR workflow = ''))
FROM outcomes
