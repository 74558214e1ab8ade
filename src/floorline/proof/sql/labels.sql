-- The newest labels of one place, oldest first.
SELECT * FROM
(
    SELECT toString(source) AS source, id, at, toString(kind) AS kind, toString(feature) AS feature, toString(step) AS step,
           toString(subject) AS subject, toString(arm) AS arm, customer, user_id, call_id, other_call_id, toString(model) AS model,
           score, features, right, other_right, served, toString(origin) AS origin, toString(epoch) AS epoch,
           toString(judge) AS judge
    FROM labels
    WHERE labels.kind = {kind:String} AND labels.feature = {feature:String} AND labels.step = {step:String}
      AND labels.subject = {subject:String} AND at >= {since:DateTime64(6, 'UTC')}
    ORDER BY at DESC, source DESC, id DESC
    LIMIT {labels_max:UInt64}
)
ORDER BY at, source, id
