-- any_outcome: how many records of outcomes there are, how many of them leave to their run whose they are, how many were recorded
-- of an outcome that had one, and how many state a value: a count that costs little, because the question after it costs something
-- even of no rows. Records of some $days alone may be counted, and added what outcomes of theirs had $again before.
SELECT count(), countIf(run_id != '' AND (customer = '' OR plan = '' OR feature = '' OR workflow = '')),
       count() - uniqExact(outcome_id) + $again, count(value)
FROM outcomes
WHERE $days
