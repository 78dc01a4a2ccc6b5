-- What is wrong with the log itself: one row a finding, site and record. Record keys: the person and what it is about.
--
-- repeated_event: engagement.repeated_event; redelivered_event: events that a delivery held twice, or that came again
-- unchanged. negative_duration: rows refused for it. overlapping_session: the stated duration of its last event reaches
-- into the next. long_session: longer than the study file's hours. silent_gap: a silence of the site that is judged an
-- outage. before_account: own events before the event that made the account, or before consent. completed_before_opened,
-- completed_before_released (where the log tells of releases to that person). clock_ahead, clock_behind:
-- quality.device_clock. two_at_once: quality.device_switch, more often in a day than the study file's limit.
WITH next_session AS (
    SELECT
        u.siteid, u.subject_id, u.session_no, u.duration_s,
        CAST(timezone(s.timezone, u.started_at) AS DATE) AS started_on,
        epoch_us(lead(u.started_at) OVER (PARTITION BY u.usubjid ORDER BY u.session_no)) - epoch_us(u.started_at)
            AS until_next_us
    FROM engagement.session AS u
    JOIN study.site AS s ON s.site_id = u.siteid
),
account AS (
    SELECT
        p.subject_no, p.site_id, p.subject_id,
        greatest(min(CASE WHEN d.n_accounts_created > 0 THEN d.occurred_on END), min(p.consent_date)) AS since
    FROM core.subject AS p
    JOIN engagement.day AS d ON d.subject_no = p.subject_no
    GROUP BY p.subject_no, p.site_id, p.subject_id
),
told_of_releases AS (
    SELECT DISTINCT usubjid FROM engagement.module_progress WHERE released_at IS NOT NULL
),
found AS (
    SELECT
        'repeated_event' AS finding, p.site_id, p.subject_id, concat_ws('|', p.subject_id, r.occurred_on) AS record_key,
        r.occurred_on AS found_on, r.n
    FROM engagement.repeated_event AS r
    JOIN core.subject AS p ON p.subject_no = r.subject_no
    UNION ALL
    SELECT 'redelivered_event', site_id, NULL, delivery_id, NULL, n_duplicate
    FROM input.delivery
    WHERE feed = 'usage' AND status IN ('accepted', 'partial') AND n_duplicate > 0
    UNION ALL
    SELECT 'negative_duration', site_id, NULL, delivery_id, NULL, count(*)
    FROM input.quarantine
    WHERE feed = 'usage' AND rule = 'out_of_range' AND column_name = 'duration_s'
    GROUP BY site_id, delivery_id
    UNION ALL
    SELECT
        'overlapping_session', siteid, subject_id, concat_ws('|', subject_id, session_no), started_on, 1
    FROM next_session
    WHERE CAST(duration_s * 1000000 AS BIGINT) > until_next_us
    UNION ALL
    SELECT 'long_session', n.siteid, n.subject_id, concat_ws('|', n.subject_id, n.session_no), n.started_on, 1
    FROM next_session AS n
    JOIN study.log_limit AS limits ON n.duration_s > limits.session_hours * 3600
    UNION ALL
    SELECT 'silent_gap', site_id, NULL, CAST(first_day AS VARCHAR), first_day, n_days
    FROM engagement.site_silence
    WHERE is_outage
    UNION ALL
    SELECT 'before_account', a.site_id, a.subject_id, a.subject_id, min(d.occurred_on), CAST(sum(d.n_own) AS BIGINT)
    FROM account AS a
    JOIN engagement.day AS d ON d.subject_no = a.subject_no AND d.n_own > 0 AND d.occurred_on < a.since
    GROUP BY a.site_id, a.subject_id
    UNION ALL
    SELECT
        'completed_before_opened', siteid, subject_id, concat_ws('|', subject_id, module), completed_on, 1
    FROM engagement.module_progress
    WHERE completed_at IS NOT NULL AND coalesce(completed_at < first_opened_at, TRUE)
    UNION ALL
    SELECT
        'completed_before_released', m.siteid, m.subject_id, concat_ws('|', m.subject_id, m.module), m.completed_on, 1
    FROM engagement.module_progress AS m
    JOIN told_of_releases AS t ON t.usubjid = m.usubjid
    WHERE m.completed_at IS NOT NULL AND coalesce(m.completed_at < m.released_at, TRUE)
    UNION ALL
    SELECT 'clock_' || wrong, site_id, subject_id, concat_ws('|', subject_id, device), NULL, n_events
    FROM quality.device_clock
    WHERE wrong IS NOT NULL
    UNION ALL
    SELECT 'two_at_once', d.site_id, d.subject_id, concat_ws('|', d.subject_id, d.occurred_on), d.occurred_on, d.n
    FROM quality.device_switch AS d
    JOIN study.log_limit AS limits ON d.n >= limits.switches
)
SELECT finding, site_id, record_key, subject_id, found_on, n
FROM found
