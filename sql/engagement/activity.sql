-- A participant's own events in order: one row an event with a time, numbered from 1.
--
-- A gap strictly longer than the study's session gap ends a session. active_us is the time that the event
-- accounts for, in microseconds: up to the next event of its session, or, for a session's last
-- event, its stated duration capped at the gap.
WITH own AS (
    SELECT
        p.subject_no, u.event_id, u.occurred_at, u.occurred_on, u.event, u.module, u.duration_s,
        s.session_gap_minutes * 60000000 AS gap_us
    FROM core.usage AS u
    JOIN core.subject AS p ON p.site_id = u.site_id AND p.subject_id = u.subject_id
    CROSS JOIN study.setting AS s
    WHERE u.actor = 'participant' AND u.occurred_at IS NOT NULL
),
spaced AS (
    SELECT
        subject_no, occurred_at, occurred_on, event, module, duration_s, gap_us,
        row_number() OVER ordered AS event_no,
        epoch_us(occurred_at) - epoch_us(lag(occurred_at) OVER ordered) AS since_last_us,
        epoch_us(lead(occurred_at) OVER ordered) - epoch_us(occurred_at) AS until_next_us
    FROM own
    WINDOW ordered AS (PARTITION BY subject_no ORDER BY occurred_at, event_id)
)
SELECT
    subject_no,
    event_no,
    occurred_at,
    occurred_on,
    event,
    module,
    duration_s,
    coalesce(since_last_us > gap_us, TRUE) AS starts_session,
    coalesce(until_next_us > gap_us, TRUE) AS ends_session,
    CASE
        WHEN until_next_us <= gap_us THEN until_next_us
        ELSE CAST(round(least(coalesce(duration_s, 0) * 1000000, gap_us)) AS BIGINT)
    END AS active_us
FROM spaced
