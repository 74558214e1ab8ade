-- active_user_names: the same users by name, for groups that several raw names make up.
SELECT $list AS names, as_of, groupUniqArray(concat(customer_id, '\n', user_id))
FROM
(
    SELECT $names, $as_of AS as_of, customer_id, user_id
    FROM detail_day
    WHERE day >= {start:Date} AND day < {end:Date} AND user_id != '' AND calls > 0
      AND ({environment:String} = 'all' OR environment = {environment:String})
      AND ({purpose:String} = 'all' OR purpose = {purpose:String})
)
GROUP BY $groups
