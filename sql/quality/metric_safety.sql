-- Counts for the checks on safety: one row a check and site. They count alerts, or serious adverse events.
WITH alert AS (
    SELECT site_id, count(*) AS n_checked, count(*) FILTER (WHERE status = 'overdue') AS n_failed
    FROM safety.alert
    GROUP BY site_id
),
serious_event AS (
    SELECT site_id, count(late) AS n_checked, count(*) FILTER (WHERE late) AS n_failed
    FROM safety.serious_event
    GROUP BY site_id
)
SELECT
    'alerts_unacknowledged' AS check_name,
    s.site_id,
    coalesce(a.n_checked, 0) AS n_checked,
    coalesce(a.n_failed, 0) AS n_failed
FROM study.site AS s
LEFT JOIN alert AS a ON a.site_id = s.site_id
UNION ALL
SELECT
    'serious_events_late' AS check_name,
    s.site_id,
    coalesce(e.n_checked, 0) AS n_checked,
    coalesce(e.n_failed, 0) AS n_failed
FROM study.site AS s
LEFT JOIN serious_event AS e ON e.site_id = s.site_id
