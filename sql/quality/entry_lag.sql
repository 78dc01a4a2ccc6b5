-- How long forms take from being filled in to their first arrival: one row a site ('' = all sites together) and number of
-- days, forms of visits of the last 90 days that have come and that all arms have. `ecdf`: part of them that took at most
-- so long.
WITH form AS (
    SELECT u.site_id, f.received_on - f.completed_on AS lag_days
    FROM quality.counted_form AS u
    JOIN quality.scoped_form AS f ON f.unit = u.unit
    WHERE u.number = 'K03'
),
counted AS (
    SELECT site_id, lag_days, count(*) AS n_received FROM form GROUP BY site_id, lag_days
    UNION ALL
    SELECT '' AS site_id, lag_days, count(*) AS n_received FROM form GROUP BY lag_days
)
SELECT
    site_id,
    CAST(lag_days AS BIGINT) AS lag_days,
    n_received,
    CAST(sum(n_received) OVER (PARTITION BY site_id ORDER BY lag_days) AS DOUBLE)
        / sum(n_received) OVER (PARTITION BY site_id) AS ecdf
FROM counted
