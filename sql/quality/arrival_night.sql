-- The arrival calendar: one row a site, feed and night of the last 90, of feeds that everybody may know of.
--
-- A delivery arrives on the site's calendar day of its place in the sequence. partial: some of its rows were set
-- aside; rejected: nothing else came that day. absent: nothing came, and so many days have passed since the last
-- arrival as the study file expects between two, or a multiple of them. Before a site's first arrival, and before its
-- files are received here, nothing is expected.
WITH arrived AS (
    SELECT
        d.site_id, d.feed,
        CAST(timezone(s.timezone, d.place) AS DATE) AS night,
        count(*) AS n_deliveries,
        bool_or(d.status = 'partial') AS partial,
        bool_or(d.status IN ('accepted', 'partial', 'repeat')) AS taken
    FROM quality.delivery AS d
    JOIN quality.shown_delivery AS shown ON shown.delivery_id = d.delivery_id
    JOIN study.site AS s ON s.site_id = d.site_id
    GROUP BY d.site_id, d.feed, CAST(timezone(s.timezone, d.place) AS DATE)
),
expected AS (
    SELECT site_id, feed, min(expected_every_days) AS every_days
    FROM quality.arrival
    WHERE blinding IN ('safe', 'outcome')
    GROUP BY site_id, feed
),
night AS (
    SELECT CAST(unnest(generate_series(as_of - 89, as_of, INTERVAL 1 DAY)) AS DATE) AS night FROM study.setting
),
calendar AS (
    SELECT
        e.site_id, e.feed, n.night, e.every_days, w.first_on, a.n_deliveries, a.partial, a.taken,
        (SELECT max(b.night) FROM arrived AS b
            WHERE b.site_id = e.site_id AND b.feed = e.feed AND b.taken AND b.night < n.night) AS last_on
    FROM expected AS e
    CROSS JOIN night AS n
    LEFT JOIN arrived AS a ON a.site_id = e.site_id AND a.feed = e.feed AND a.night = n.night
    LEFT JOIN quality.watched AS w ON w.site_id = e.site_id
)
SELECT
    site_id,
    feed,
    night,
    CASE
        WHEN partial THEN 'partial'
        WHEN taken THEN 'accepted'
        WHEN n_deliveries > 0 THEN 'rejected'
        WHEN night > first_on AND (night - last_on) % every_days = 0 THEN 'absent'
        ELSE 'not_expected'
    END AS state,
    coalesce(n_deliveries, 0) AS n_deliveries
FROM calendar
