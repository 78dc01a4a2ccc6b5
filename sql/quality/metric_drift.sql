-- Counts for the checks on changed exports: one row a check and site. They count columns: those of every stream that
-- could be compared with an earlier delivery, and of them those with a standing alert of the kind.
-- n_checked is NULL where nothing could be compared yet.
WITH kind AS (
    SELECT unnest([
        'gone', 'new', 'moved', 'recoded', 'range_shifted', 'type_changed', 'missing_jumped'
    ]) AS change
),
visibility AS (
    SELECT '' AS suffix, TRUE AS safe
    UNION ALL
    SELECT '_unblinded' AS suffix, FALSE AS safe
),
compared AS (
    SELECT p.site_id, p.feed, p.stream, v.column_name, shown.delivery_id IS NOT NULL AS safe
    FROM quality.compared_delivery AS p
    JOIN input.delivery_variable AS v ON v.delivery_id IN (p.delivery_id, p.previous_delivery_id)
    LEFT JOIN quality.shown_delivery AS shown ON shown.delivery_id = p.delivery_id
    GROUP BY ALL
),
checked AS (
    SELECT site_id, safe, count(*) AS n FROM compared GROUP BY site_id, safe
),
failed AS (
    SELECT
        d.site_id, shown.delivery_id IS NOT NULL AS safe, d.change,
        count(DISTINCT (d.feed, d.stream, d.column_name)) AS n
    FROM quality.drift AS d
    LEFT JOIN quality.shown_delivery AS shown ON shown.delivery_id = d.delivery_id
    WHERE d.stands
    GROUP BY d.site_id, shown.delivery_id IS NOT NULL, d.change
)
SELECT
    'drift_' || k.change || v.suffix AS check_name,
    s.site_id,
    c.n AS n_checked,
    CASE WHEN c.n IS NOT NULL THEN coalesce(f.n, 0) END AS n_failed
FROM study.site AS s
CROSS JOIN kind AS k
CROSS JOIN visibility AS v
LEFT JOIN checked AS c ON c.site_id = s.site_id AND c.safe = v.safe
LEFT JOIN failed AS f ON f.site_id = s.site_id AND f.safe = v.safe AND f.change = k.change
