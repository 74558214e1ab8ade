-- stamped_versions: the price versions of the window's calls, as recorded and as adjusted.
SELECT version
FROM
(
    SELECT DISTINCT toString(price_version) AS version
    FROM calls
    WHERE utc_day >= {start:Date} - 1 AND utc_day <= {end:Date}
      AND toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
    UNION DISTINCT
    SELECT DISTINCT toString(new_price_version)
    FROM adjustments
    WHERE toDate(opened_at, {timezone:String}) >= {start:Date} AND toDate(opened_at, {timezone:String}) < {end:Date}
)
WHERE version != ''
ORDER BY version
