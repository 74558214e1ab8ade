-- active_user_sets: as active_users, the users themselves instead of how many they are: see UserSet.
SELECT $list AS names, as_of,
       arrayStringConcat(arrayMap(user -> hex(reinterpretAsFixedString(user)), arraySort(groupUniqArrayArray(users))))
FROM
(
    SELECT $names, $as_of AS as_of, groupUniqArray(who) AS users
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
    GROUP BY $groups
)
GROUP BY GROUPING SETS (($groups), ())
