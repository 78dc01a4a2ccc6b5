-- Days of which a site has no log: one row a site and day, with the cause; of several the first of declared (in the
-- study file), refused (the delivery that would tell, unless the site's log holds an event of any day after the first of
-- those: then another delivery tells of them), silence (engagement.site_silence).
WITH spell AS (
    SELECT o.site_id, o.first_day, o.last_day, o.cause, CASE o.cause WHEN 'declared' THEN 1 ELSE 2 END AS rank
    FROM core.log_outage AS o
    LEFT JOIN engagement.site_day AS d
        ON o.cause = 'refused' AND d.site_id = o.site_id AND d.n_events > 0
        AND d.day > o.first_day AND d.day <= o.last_day
    GROUP BY o.site_id, o.first_day, o.last_day, o.cause
    HAVING count(d.day) = 0
    UNION ALL
    SELECT site_id, first_day, last_day, 'silence' AS cause, 3 AS rank
    FROM engagement.site_silence
    WHERE is_outage
),
numbered AS (
    SELECT site_id, first_day, cause, rank, unnest(generate_series(0, date_diff('day', first_day, last_day))) AS n
    FROM spell
),
ranked AS (
    SELECT site_id, first_day + CAST(n AS INTEGER) AS day, min(rank) AS rank
    FROM numbered
    GROUP BY 1, 2
)
SELECT
    site_id,
    day,
    CASE rank WHEN 1 THEN 'declared' WHEN 2 THEN 'refused' ELSE 'silence' END AS cause
FROM ranked
