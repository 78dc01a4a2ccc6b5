-- The completeness certificate of the log: one row a person whom the protocol gives the programme and day, from the
-- consent (at most 90 days before the programme begins) to the as-of day, in exactly one state.
--
-- The first that holds, in this order. Who the person is on the day: test_account (declared in the study file),
-- before_start, after_withdrawal, after_completion. What the log says: used (an own event whose time can be right),
-- clock_error (own events, and the time of none can be right). What it cannot say: log_outage (engagement.outage_day),
-- not_delivered (the site's deliveries do not tell the day to its end), no_account (nothing in the person's log yet,
-- so that no account is known to exist). What is left is no_use: confirmed. Certified are used and no_use.
WITH span AS (
    SELECT
        w.subject_no, w.usubjid, w.site_id, w.subject_id, w.starts_on, w.study_end, p.study_status,
        greatest(w.starts_on - 90, least(p.consent_date, w.starts_on)) AS first_day,
        s.as_of
    FROM core.programme AS w
    JOIN core.subject AS p ON p.subject_no = w.subject_no
    CROSS JOIN study.setting AS s
    WHERE w.programme_access
),
numbered AS (
    SELECT *, unnest(generate_series(0, date_diff('day', first_day, as_of))) AS n
    FROM span
    WHERE first_day <= as_of
),
calendar AS MATERIALIZED (
    SELECT *, first_day + CAST(n AS INTEGER) AS day FROM numbered
),
account AS (
    SELECT subject_no, min(occurred_on) AS since FROM engagement.day GROUP BY subject_no
),
stated AS (
    SELECT
        c.usubjid, c.day, c.site_id, c.subject_id, c.starts_on, d.n_own, o.cause,
        CASE
            WHEN t.subject_no IS NOT NULL THEN 'test_account'
            WHEN c.day < c.starts_on THEN 'before_start'
            WHEN c.day > c.study_end AND c.study_status = 'COMPLETED' THEN 'after_completion'
            WHEN c.day > c.study_end THEN 'after_withdrawal'
            WHEN d.n_own > d.n_ahead THEN 'used'
            WHEN d.n_own > 0 THEN 'clock_error'
            WHEN o.cause IS NOT NULL THEN 'log_outage'
            WHEN r.usage_whole_until IS NULL OR c.day > r.usage_whole_until THEN 'not_delivered'
            WHEN a.since IS NULL OR c.day < a.since THEN 'no_account'
            ELSE 'no_use'
        END AS state
    FROM calendar AS c
    LEFT JOIN engagement.day AS d ON d.subject_no = c.subject_no AND d.occurred_on = c.day
    LEFT JOIN engagement.outage_day AS o ON o.site_id = c.site_id AND o.day = c.day
    LEFT JOIN core.log_reach AS r ON r.site_id = c.site_id
    LEFT JOIN account AS a ON a.subject_no = c.subject_no
    LEFT JOIN core.test_account AS t ON t.subject_no = c.subject_no
)
SELECT
    usubjid,
    day,
    site_id AS siteid,
    subject_id,
    CAST(floor(date_diff('day', starts_on, day) / 7.0) AS BIGINT) + 1 AS week_no,
    state,
    CASE WHEN state = 'log_outage' THEN cause END AS outage_cause,
    coalesce(n_own, 0) AS n_events
FROM stated
