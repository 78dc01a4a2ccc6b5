-- Sessions: one row a person and session, numbered in time.
-- The n-th first event and the n-th last event of a person make the n-th session. Its week is that of the
-- day, at the site, on which it starts: week 1 begins with the start of the programme (core.programme); earlier weeks are 0 and less.
WITH first_event AS (
    SELECT
        subject_no, event_no, occurred_at, occurred_on,
        row_number() OVER (PARTITION BY subject_no ORDER BY event_no) AS session_no
    FROM engagement.activity
    WHERE starts_session
),
last_event AS (
    SELECT
        subject_no, event_no, occurred_at, duration_s, active_us,
        row_number() OVER (PARTITION BY subject_no ORDER BY event_no) AS session_no
    FROM engagement.activity
    WHERE ends_session
),
session AS (
    SELECT
        f.subject_no, f.session_no, f.occurred_on,
        f.occurred_at AS started_at,
        l.occurred_at AS ended_at,
        l.event_no - f.event_no + 1 AS n_events,
        epoch_us(l.occurred_at) - epoch_us(f.occurred_at) AS span_us,
        l.duration_s AS last_duration_s,
        l.active_us AS last_active_us
    FROM first_event AS f
    JOIN last_event AS l ON l.subject_no = f.subject_no AND l.session_no = f.session_no
)
SELECT
    p.usubjid,
    s.session_no,
    p.site_id AS siteid,
    p.subject_id,
    s.started_at,
    s.ended_at,
    s.span_us / 1000000.0 + coalesce(s.last_duration_s, 0) AS duration_s,
    s.n_events,
    CAST(floor(date_diff('day', w.starts_on, s.occurred_on) / 7.0) AS BIGINT) + 1 AS week_no,
    s.span_us + s.last_active_us AS active_us
FROM session AS s
JOIN core.subject AS p ON p.subject_no = s.subject_no
LEFT JOIN core.programme AS w ON w.subject_no = s.subject_no
