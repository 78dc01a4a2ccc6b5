-- What a site's log tells of each day: one row a site and day, from the first event of its log to the last day that
-- its deliveries tell to the end, or as-of. n_events counts everybody's events, participants', therapists' and the system's.
WITH told AS (
    SELECT p.site_id, d.occurred_on, CAST(sum(d.n_events) AS BIGINT) AS n_events, count(*) FILTER (WHERE d.n_own > 0) AS n_users
    FROM engagement.day AS d
    JOIN core.subject AS p ON p.subject_no = d.subject_no
    GROUP BY p.site_id, d.occurred_on
),
reach AS (
    SELECT r.site_id, min(t.occurred_on) AS first_day, least(max(r.usage_whole_until), max(s.as_of)) AS last_day
    FROM core.log_reach AS r
    CROSS JOIN study.setting AS s
    JOIN told AS t ON t.site_id = r.site_id AND t.occurred_on <= r.usage_whole_until
    GROUP BY r.site_id
),
numbered AS (
    SELECT site_id, first_day, unnest(generate_series(0, date_diff('day', first_day, last_day))) AS n
    FROM reach
    WHERE first_day <= last_day
),
calendar AS (
    SELECT site_id, first_day + CAST(n AS INTEGER) AS day FROM numbered
)
SELECT
    c.site_id,
    c.day,
    coalesce(t.n_events, 0) AS n_events,
    coalesce(t.n_users, 0) AS n_users
FROM calendar AS c
LEFT JOIN told AS t ON t.site_id = c.site_id AND t.occurred_on = c.day
