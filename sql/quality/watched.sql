-- Since when each site's files are received here: one row a site that has sent something that everybody may know of. The
-- day is that of the first one's place (its manifest's period_end, else when it was received), like every other arrival.
--
-- What came on the first day had been lying at the site: how long, and what was asked of it meanwhile, nobody knows. So
-- the calendar expects nothing before, no form of that day counts as late, and no query as older than it.
SELECT
    d.site_id,
    min(d.place) AS first_at,
    min(CAST(timezone(s.timezone, d.place) AS DATE)) AS first_on
FROM input.delivery AS d
JOIN study.site AS s ON s.site_id = d.site_id
JOIN study.feed AS f ON f.feed = d.feed
WHERE f.blinding IN ('safe', 'outcome')
GROUP BY d.site_id
