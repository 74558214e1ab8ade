-- How many calls each five minutes of the window hold: what pages are cut by, so that memory stays bounded.
SELECT utc_five_minute AS slice, count() AS calls
FROM calls
WHERE utc_day >= toDate({start:DateTime64(6, 'UTC')}) AND utc_day <= toDate({end:DateTime64(6, 'UTC')})
  AND opened_at >= {start:DateTime64(6, 'UTC')} AND opened_at < {end:DateTime64(6, 'UTC')}
  AND ({model:String} = '' OR model_served = {model:String})
  AND ({provider:String} = '' OR provider = {provider:String})
  AND ({feature:String} = '' OR feature = {feature:String})
GROUP BY slice
ORDER BY slice
