-- Counts for the checks on the log itself: one row a check and site, of quality.log_finding against what it looked at.
-- n_checked is NULL where the log does not hold what a check needs.
WITH failed AS (
    SELECT site_id, finding, count(*) AS n_records, CAST(sum(n) AS BIGINT) AS n
    FROM quality.log_finding
    GROUP BY site_id, finding
),
session AS (
    SELECT siteid AS site_id, count(*) AS n, CAST(sum(n_events) AS BIGINT) AS n_events
    FROM engagement.session
    GROUP BY siteid
),
module AS (
    SELECT siteid AS site_id, count(completed_at) AS n FROM engagement.module_progress GROUP BY siteid
),
account AS (
    SELECT p.site_id, count(DISTINCT d.subject_no) AS n
    FROM engagement.day AS d
    JOIN core.subject AS p ON p.subject_no = d.subject_no
    GROUP BY p.site_id
),
device AS (
    SELECT site_id, count(*) AS n FROM quality.device_clock GROUP BY site_id
),
device_user AS (
    SELECT site_id, count(DISTINCT subject_id) AS n
    FROM core.usage
    WHERE device IS NOT NULL AND actor = 'participant'
    GROUP BY site_id
),
told AS (
    SELECT site_id, count(*) AS n FROM engagement.site_day GROUP BY site_id
),
-- Days that deliveries tell; those not delivered yet are the concern of overdue_deliveries.
person AS (
    SELECT
        siteid AS site_id, usubjid,
        count(*) AS n_days,
        count(*) FILTER (WHERE state = 'no_account') AS n_without_account,
        count(*) FILTER (WHERE state IN ('log_outage', 'clock_error')) AS n_lost
    FROM engagement.day_state
    WHERE state IN ('used', 'no_use', 'no_account', 'log_outage', 'clock_error')
    GROUP BY siteid, usubjid
),
person_count AS (
    SELECT
        site_id,
        CAST(sum(n_days) AS BIGINT) AS n_days,
        CAST(sum(n_lost) AS BIGINT) AS n_lost,
        count(*) FILTER (WHERE n_days >= 14) AS n_people,
        count(*) FILTER (WHERE n_days >= 14 AND n_without_account = n_days) AS n_without_account
    FROM person
    GROUP BY site_id
),
asked AS (
    SELECT site_id, 'log_repeated_events' AS check_name, 'repeated_event' AS finding, TRUE AS by_n, n_events AS n FROM session
    UNION ALL SELECT site_id, 'log_overlapping_sessions', 'overlapping_session', FALSE, n FROM session
    UNION ALL SELECT site_id, 'log_long_sessions', 'long_session', FALSE, n FROM session
    UNION ALL SELECT site_id, 'log_silent_days', 'silent_gap', TRUE, n FROM told
    UNION ALL SELECT site_id, 'log_before_account', 'before_account', FALSE, n FROM account
    UNION ALL SELECT site_id, 'log_completed_before_released', 'completed_before_released', FALSE, n FROM module
    UNION ALL SELECT site_id, 'log_clock_ahead', 'clock_ahead', FALSE, n FROM device
    UNION ALL SELECT site_id, 'log_clock_behind', 'clock_behind', FALSE, n FROM device
    UNION ALL SELECT site_id, 'log_two_at_once', 'two_at_once', FALSE, n FROM device_user
),
name AS (
    SELECT unnest([
        'log_repeated_events', 'log_overlapping_sessions', 'log_long_sessions', 'log_silent_days', 'log_before_account',
        'log_completed_before_released', 'log_clock_ahead', 'log_clock_behind', 'log_two_at_once'
    ]) AS check_name
)
SELECT
    k.check_name,
    s.site_id,
    CASE WHEN k.check_name IN ('log_clock_ahead', 'log_clock_behind', 'log_two_at_once') THEN a.n ELSE coalesce(a.n, 0) END
        AS n_checked,
    CASE
        WHEN k.check_name IN ('log_clock_ahead', 'log_clock_behind', 'log_two_at_once') AND a.n IS NULL THEN NULL
        WHEN a.by_n THEN coalesce(f.n, 0)
        ELSE coalesce(f.n_records, 0)
    END AS n_failed
FROM study.site AS s
CROSS JOIN name AS k
LEFT JOIN asked AS a ON a.site_id = s.site_id AND a.check_name = k.check_name
LEFT JOIN failed AS f ON f.site_id = s.site_id AND f.finding = a.finding
UNION ALL
SELECT
    'log_lost_days' AS check_name,
    s.site_id,
    coalesce(d.n_days, 0) AS n_checked,
    coalesce(d.n_lost, 0) AS n_failed
FROM study.site AS s
LEFT JOIN person_count AS d ON d.site_id = s.site_id
UNION ALL
SELECT
    'log_without_account' AS check_name,
    s.site_id,
    coalesce(d.n_people, 0) AS n_checked,
    coalesce(d.n_without_account, 0) AS n_failed
FROM study.site AS s
LEFT JOIN person_count AS d ON d.site_id = s.site_id
