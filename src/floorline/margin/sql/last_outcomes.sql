-- last_outcomes: of the records of each outcome that has one in the window, the one recorded last (a part of outcomes, which looks at
-- its day afterwards).
WHERE outcome_id IN
(
    SELECT outcome_id FROM outcomes
    WHERE toDate(at, {timezone:String}) >= {start:Date} AND toDate(at, {timezone:String}) < {end:Date}
)
ORDER BY outcome_id, recorded_at DESC, id DESC
LIMIT 1 BY outcome_id
