-- customer_users: how many users every raw name of a customer had, by the name it means: `raws` means `names` of the same place, and
-- any other name itself. Calls that name no user count none.
SELECT transform(customer_id, {raws:Array(String)}, {names:Array(String)}, customer_id) AS customer, uniqExact(user_id)
FROM detail_day
WHERE day >= {start:Date} AND day < {end:Date} AND user_id != ''
  AND ({environment:String} = 'all' OR environment = {environment:String})
  AND ({purpose:String} = 'all' OR purpose = {purpose:String})
GROUP BY customer
