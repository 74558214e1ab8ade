-- active_user_hashes: the same users one by one, for groups that several raw names make up.
SELECT $list AS names, as_of, groupUniqArray(who)
FROM
(
    SELECT $names, $as_of AS as_of, who
    FROM $source
    WHERE day >= {start:Date} AND day < {end:Date}
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
)
GROUP BY $groups
