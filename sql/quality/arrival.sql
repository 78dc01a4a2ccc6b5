-- Whether each site sends what the study file expects: one row a site, feed and source (stream).
--
-- A delivery arrives on the site's calendar day of its place in the sequence (a manifest's period_end, else
-- when it was received). A repeat arrives too: the site did send, nothing had changed. Rejected and held
-- ones do not. House files may stand in for any source of their feed. What has never come is overdue.
WITH arrived AS (
    SELECT
        d.site_id,
        d.feed,
        d.stream,
        CAST(d.place AT TIME ZONE s.timezone AS DATE) AS arrived_on
    FROM input.delivery AS d
    JOIN study.site AS s ON s.site_id = d.site_id
    WHERE d.status IN ('accepted', 'partial', 'repeat')
),
stream AS (
    SELECT site_id, feed, source AS stream, blinding, expected_every_days FROM study.source
    UNION ALL
    SELECT DISTINCT a.site_id, a.feed, a.stream, f.blinding, CAST(NULL AS BIGINT) AS expected_every_days
    FROM arrived AS a
    JOIN study.feed AS f ON f.feed = a.feed
    ANTI JOIN study.source AS s ON s.site_id = a.site_id AND s.feed = a.feed AND s.source = a.stream
),
last_arrival AS (
    SELECT
        s.site_id, s.feed, s.stream, s.blinding, s.expected_every_days,
        count(a.feed) AS n_arrived,
        max(a.arrived_on) AS last_on
    FROM stream AS s
    LEFT JOIN arrived AS a
        ON a.site_id = s.site_id AND a.feed = s.feed AND a.stream IN (s.stream, 'house')
    GROUP BY s.site_id, s.feed, s.stream, s.blinding, s.expected_every_days
)
SELECT
    a.site_id,
    a.feed,
    a.stream,
    a.blinding,
    a.expected_every_days,
    a.n_arrived,
    a.last_on,
    a.last_on + CAST(a.expected_every_days AS INTEGER) AS due_on,
    CASE
        WHEN a.expected_every_days IS NULL THEN NULL
        ELSE a.last_on IS NULL OR t.as_of > a.last_on + CAST(a.expected_every_days AS INTEGER)
    END AS overdue
FROM last_arrival AS a
CROSS JOIN study.setting AS t
