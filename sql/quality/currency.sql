-- Whether a site's data are fresh enough: one row a site and feed, quality.freshness judged by the study file's limits.
-- NO_DATA: a drop that was due has not come, or none ever did; so the rest is old.
SELECT
    f.site_id,
    f.feed,
    f.last_on,
    f.newest_on,
    f.currency_days,
    f.n_expected,
    f.n_arrived,
    f.n_lag,
    f.lag_median,
    f.lag_p90,
    l.watch_days,
    l.action_days,
    l.reason,
    CASE
        WHEN coalesce(f.overdue, FALSE) OR (f.every_days IS NOT NULL AND f.last_on IS NULL) THEN 'NO_DATA'
        WHEN f.newest_on IS NULL OR l.watch_days IS NULL THEN 'NOT_APPLICABLE'
        WHEN f.currency_days > l.action_days THEN 'ACTION'
        WHEN f.currency_days > l.watch_days THEN 'WATCH'
        ELSE 'OK'
    END AS status
FROM quality.freshness AS f
LEFT JOIN study.currency_limit AS l ON l.feed = f.feed
