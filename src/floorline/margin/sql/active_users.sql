-- active_users: the users (of a customer) with calls in the window, counted by raw names. The row whose as_of
-- is 0 is the whole window.
SELECT $list AS names, as_of, uniqExactMerge(users)
FROM
(
    SELECT $names, $as_of AS as_of, uniqExactState(who) AS users
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY $groups
)
GROUP BY GROUPING SETS (($groups), ())
