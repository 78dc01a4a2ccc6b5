-- Counts for the checks on deliveries: one row a check and site.
-- n_checked is NULL where a check does not concern the site.
WITH quarantined AS (
    SELECT d.site_id, d.feed, d.feed = 'questionnaires' AND shown.delivery_id IS NULL AS hidden,
        sum(d.n_rows) AS n_checked, sum(d.n_quarantined) AS n_failed
    FROM quality.delivery AS d
    LEFT JOIN quality.shown_delivery AS shown ON shown.delivery_id = d.delivery_id
    WHERE d.stands AND d.status IN ('accepted', 'partial')
    GROUP BY d.site_id, d.feed, d.feed = 'questionnaires' AND shown.delivery_id IS NULL
),
refused AS (
    SELECT
        d.site_id,
        shown.delivery_id IS NOT NULL AS safe,
        count(*) AS n_checked,
        count(*) FILTER (WHERE d.stands AND d.status IN ('rejected', 'held')) AS n_failed
    FROM quality.delivery AS d
    LEFT JOIN quality.shown_delivery AS shown ON shown.delivery_id = d.delivery_id
    GROUP BY d.site_id, shown.delivery_id IS NOT NULL
),
overdue AS (
    SELECT site_id, blinding IN ('safe', 'outcome') AS safe, count(*) AS n_checked, count(*) FILTER (WHERE overdue) AS n_failed
    FROM quality.arrival
    WHERE expected_every_days IS NOT NULL
    GROUP BY site_id, blinding IN ('safe', 'outcome')
),
visibility AS (
    SELECT '' AS suffix, TRUE AS safe
    UNION ALL
    SELECT '_unblinded' AS suffix, FALSE AS safe
)
SELECT
    'quarantined_' || f.feed AS check_name,
    s.site_id,
    CAST(q.n_checked AS BIGINT) AS n_checked,
    CAST(q.n_failed AS BIGINT) AS n_failed
FROM study.site AS s
CROSS JOIN study.feed AS f
LEFT JOIN quarantined AS q ON q.site_id = s.site_id AND q.feed = f.feed AND NOT q.hidden
UNION ALL
SELECT
    'quarantined_questionnaires_unblinded' AS check_name,
    s.site_id,
    CAST(q.n_checked AS BIGINT) AS n_checked,
    CAST(q.n_failed AS BIGINT) AS n_failed
FROM study.site AS s
LEFT JOIN quarantined AS q ON q.site_id = s.site_id AND q.hidden
UNION ALL
SELECT 'refused_deliveries' || v.suffix AS check_name, s.site_id, r.n_checked, r.n_failed
FROM study.site AS s
CROSS JOIN visibility AS v
LEFT JOIN refused AS r ON r.site_id = s.site_id AND r.safe = v.safe
UNION ALL
SELECT 'overdue_deliveries' || v.suffix AS check_name, s.site_id, o.n_checked, o.n_failed
FROM study.site AS s
CROSS JOIN visibility AS v
LEFT JOIN overdue AS o ON o.site_id = s.site_id AND o.safe = v.safe
