-- active_users: the users (of a customer) with calls in the window by raw names, `gathered` and then `told`: how many they are, or who
-- (see UserSet). The row whose as_of is 0 is the whole window.
SELECT $list AS names, as_of, $told
FROM
(
    SELECT $names, $as_of AS as_of, $gathered AS users
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY $groups
)
GROUP BY $sets
