-- touches_by_day: what guardrails did to the calls of each day, by raw feature. Treated calls alone save and spend. Money as integers
-- of 10^-12 USD. The columns are the fields of jobs.guardrail_days.DayRow.
SELECT
    day, toString(guardrail), toString(feature), sumIf(calls, arm = 'treated'), sumIf(calls, arm = 'holdout'), sumIf(calls, arm = 'shadow'),
    reinterpret(sumIf(saved, arm = 'treated'), 'Int128'), reinterpret(sumIf(spent, arm = 'treated'), 'Int128')
FROM touches_day
WHERE day >= {start:Date} AND day < {end:Date}
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY day, guardrail, feature
ORDER BY day, guardrail, feature
