-- Counts for the checks on deliveries: one row a check and site.
-- n_checked is NULL where a check does not concern the site.
WITH
-- Of a stream only what still stands counts: the newest full export and what came after it.
standing AS (
    SELECT site_id, feed, n_rows, n_quarantined
    FROM input.delivery
    WHERE status IN ('accepted', 'partial')
    QUALIFY sequence >= coalesce(max(sequence) FILTER (WHERE scope = 'full') OVER (PARTITION BY site_id, feed, stream), 0)
),
quarantined AS (
    SELECT site_id, feed, sum(n_rows) AS n_checked, sum(n_quarantined) AS n_failed
    FROM standing
    GROUP BY site_id, feed
),
-- A refused delivery is made good by the same file, accepted later, or by a later full export of its stream.
-- Only that: what an incremental file held is in no other.
refused AS (
    SELECT
        d.site_id,
        d.blinding IN ('safe', 'outcome') AS safe,
        count(*) AS n_checked,
        count(*) FILTER (WHERE d.status IN ('rejected', 'held') AND NOT EXISTS (
            SELECT 1
            FROM input.delivery AS later
            WHERE
                later.site_id = d.site_id AND later.feed = d.feed AND later.sequence > d.sequence
                AND later.status IN ('accepted', 'partial', 'repeat')
                AND (
                    later.file_name = d.file_name
                    OR (later.scope = 'full' AND later.stream = coalesce(nullif(d.stream, ''), later.stream))
                )
        )) AS n_failed
    FROM input.delivery AS d
    GROUP BY d.site_id, d.blinding IN ('safe', 'outcome')
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
LEFT JOIN quarantined AS q ON q.site_id = s.site_id AND q.feed = f.feed
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
