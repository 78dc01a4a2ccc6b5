-- Days of which a site has no log for a reason that was recorded: one row a site, cause and first day.
-- declared: the study file says that the programme was out. refused: a delivery of the log was rejected or is held,
-- and not made good by the same file or a later full export; it would have told of the days from the place of
-- the delivery before it to its own.
WITH refused AS (
    SELECT d.site_id, d.place, max(before.place) AS since
    FROM input.delivery AS d
    LEFT JOIN input.delivery AS before
        ON before.site_id = d.site_id AND before.feed = 'usage' AND before.status IN ('accepted', 'partial')
        AND before.place < d.place
    WHERE
        d.feed = 'usage' AND d.status IN ('rejected', 'held')
        AND NOT EXISTS (
            SELECT 1
            FROM input.delivery AS later
            WHERE
                later.site_id = d.site_id AND later.feed = 'usage' AND later.sequence > d.sequence
                AND later.status IN ('accepted', 'partial', 'repeat')
                AND (later.file_name = d.file_name OR later.scope = 'full')
        )
    GROUP BY d.delivery_id, d.site_id, d.place
),
dated AS (
    SELECT
        r.site_id,
        CAST(timezone(s.timezone, coalesce(r.since + INTERVAL 1 MICROSECOND, r.place)) AS DATE) AS first_day,
        CAST(timezone(s.timezone, r.place) AS DATE) AS last_day
    FROM refused AS r
    JOIN study.site AS s ON s.site_id = r.site_id
)
SELECT site_id, 'declared' AS cause, first_day, max(last_day) AS last_day FROM study.outage GROUP BY site_id, first_day
UNION ALL
SELECT site_id, 'refused' AS cause, first_day, max(last_day) AS last_day FROM dated GROUP BY site_id, first_day
