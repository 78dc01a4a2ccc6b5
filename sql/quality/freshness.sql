-- How old a site's data are: one row a site and feed that everybody may know of.
-- newest_on: the latest day that the data are about: a form of a visit that was filled in; a consent or randomisation.
-- n_expected, n_arrived: nights of the last 28 on which something was expected, or came.
WITH newest AS (
    SELECT site_id, 'questionnaires' AS feed, max(completed_on) AS newest_on
    FROM quality.scoped_form
    CROSS JOIN study.setting AS s
    WHERE source = 'visit' AND NOT one_arm AND completed_on <= s.as_of
    GROUP BY site_id
    UNION ALL
    SELECT site_id, 'participants' AS feed, max(greatest(consent_date, randomised_on)) AS newest_on
    FROM core.subject
    CROSS JOIN study.setting AS s
    WHERE greatest(consent_date, randomised_on) <= s.as_of
    GROUP BY site_id
),
night AS (
    SELECT
        n.site_id, n.feed,
        count(*) FILTER (WHERE n.state <> 'not_expected') AS n_expected,
        count(*) FILTER (WHERE n.state IN ('accepted', 'partial')) AS n_arrived
    FROM quality.arrival_night AS n
    CROSS JOIN study.setting AS s
    WHERE n.night > s.as_of - 28
    GROUP BY n.site_id, n.feed
),
arrival AS (
    SELECT site_id, feed, max(last_on) AS last_on, bool_or(overdue) AS overdue, min(expected_every_days) AS every_days
    FROM quality.arrival
    WHERE blinding IN ('safe', 'outcome')
    GROUP BY site_id, feed
),
lag_days AS (
    SELECT
        site_id, 'questionnaires' AS feed,
        CAST(sum(n_received) AS BIGINT) AS n_lag,
        min(lag_days) FILTER (WHERE ecdf >= 0.5) AS lag_median,
        min(lag_days) FILTER (WHERE ecdf >= 0.9) AS lag_p90
    FROM quality.entry_lag
    GROUP BY site_id
)
SELECT
    a.site_id,
    a.feed,
    a.last_on,
    a.every_days,
    a.overdue,
    w.newest_on,
    s.as_of - w.newest_on AS currency_days,
    coalesce(n.n_expected, 0) AS n_expected,
    coalesce(n.n_arrived, 0) AS n_arrived,
    coalesce(l.n_lag, 0) AS n_lag,
    l.lag_median,
    l.lag_p90
FROM arrival AS a
CROSS JOIN study.setting AS s
LEFT JOIN newest AS w ON w.site_id = a.site_id AND w.feed = a.feed
LEFT JOIN night AS n ON n.site_id = a.site_id AND n.feed = a.feed
LEFT JOIN lag_days AS l ON l.site_id = a.site_id AND l.feed = a.feed
