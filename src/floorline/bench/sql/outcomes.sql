-- outcomes: of one day's calls (as in calls.sql) a tenth of the runs of one feature are said to have reached something, nine of ten did.
INSERT INTO outcomes
    (source, id, outcome_id, at, recorded_at, outcome_type, status, run_id, workflow, feature, customer, user_id, plan, value, provenance, reason)
WITH
    intDiv({first:UInt64}, 4) + number AS run,
    toUInt32(pow(10000, (cityHash64(run, 1) % 1000003) / 1000003)) AS customer,
    (customer + cityHash64(run, 2) % 4) % 7 AS feature_number,
    toDateTime64({day:Date}, 6, 'UTC') + toIntervalMicrosecond(toInt64(intDiv(toUInt128(number) * 86400000000, intDiv({rows:UInt64}, 4)))) AS at
SELECT
    'bench', toString(run), toString(run), at, at, 'resolved', if(cityHash64(run, 10) % 10 = 0, 'failure', 'success'),
    concat('run-', toString(run)), 'workflow-0', 'feature-0', concat('customer-', toString(customer)), '',
    ['free', 'pro', 'enterprise'][customer % 3 + 1], NULL, 'reported', ''
FROM numbers(intDiv({rows:UInt64}, 4))
WHERE feature_number = 0 AND cityHash64(run, 11) % 10 = 0
