-- How far a site's logs reach: one row a site, with the day at the site up to which its deliveries of
-- usage and of contacts speak, and the last day of which its usage is told to the end. NULL where a site has
-- delivered none.
SELECT
    s.site_id,
    CAST(timezone(s.timezone, max(d.place) FILTER (WHERE d.feed = 'usage')) AS DATE) AS usage_until,
    CAST(
        timezone(s.timezone, max(d.place) FILTER (WHERE d.feed = 'usage') + INTERVAL 1 MICROSECOND) AS DATE
    ) - 1 AS usage_whole_until,
    CAST(timezone(s.timezone, max(d.place) FILTER (WHERE d.feed = 'contacts')) AS DATE) AS contacts_until
FROM study.site AS s
LEFT JOIN input.delivery AS d ON d.site_id = s.site_id AND d.status IN ('accepted', 'partial')
GROUP BY s.site_id, s.timezone
