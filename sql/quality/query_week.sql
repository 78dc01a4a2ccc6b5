-- Data queries opened and closed: one row a site and week (by its Monday) of the last twelve that are complete or begun.
-- Only queries that everybody may see.
WITH week AS (
    SELECT CAST(unnest(generate_series(
        date_trunc('week', as_of) - INTERVAL 77 DAY, date_trunc('week', as_of), INTERVAL 7 DAY
    )) AS DATE) AS week
    FROM study.setting
),
event AS (
    SELECT site_id, CAST(date_trunc('week', opened_on) AS DATE) AS week, 1 AS opened, 0 AS closed
    FROM quality.data_query
    WHERE blinding = 'safe'
    UNION ALL
    SELECT site_id, CAST(date_trunc('week', closed_on) AS DATE) AS week, 0 AS opened, 1 AS closed
    FROM quality.data_query
    WHERE blinding = 'safe' AND closed_on IS NOT NULL
)
SELECT
    site.site_id,
    w.week,
    CAST(coalesce(sum(e.opened), 0) AS BIGINT) AS n_opened,
    CAST(coalesce(sum(e.closed), 0) AS BIGINT) AS n_closed
FROM study.site AS site
CROSS JOIN week AS w
LEFT JOIN event AS e ON e.site_id = site.site_id AND e.week = w.week
GROUP BY site.site_id, w.week
