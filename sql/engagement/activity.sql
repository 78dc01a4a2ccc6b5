-- A participant's own events with a time, in order: one row an event that begins or ends a session or is followed by a
-- pause longer than the smallest gap, by its number from 1; and one row, of number 0, for all the others in a module.
--
-- A gap strictly longer than the study's session gap ends a session. active_us is the time that events
-- account for, in microseconds: each up to the next event of its session, or, for a session's last
-- event, its stated duration capped at the gap.
WITH gap AS (
    SELECT min(s.session_gap_minutes) * 60000000 AS gap_us, min(g.gap_minutes) * 60000000 AS least_us
    FROM study.setting AS s
    CROSS JOIN study.session_gap AS g
),
own AS (
    SELECT p.subject_no, u.event_id, u.occurred_at, u.occurred_on, u.module, u.duration_s
    FROM core.usage AS u
    JOIN core.subject AS p ON p.site_id = u.site_id AND p.subject_id = u.subject_id
    WHERE u.actor = 'participant' AND u.occurred_at IS NOT NULL
),
spaced AS (
    SELECT
        subject_no, occurred_at, occurred_on, module, duration_s,
        row_number() OVER ordered AS event_no,
        epoch_us(occurred_at) - epoch_us(lag(occurred_at) OVER ordered) AS since_last_us,
        epoch_us(lead(occurred_at) OVER ordered) - epoch_us(occurred_at) AS until_next_us
    FROM own
    WINDOW ordered AS (PARTITION BY subject_no ORDER BY occurred_at, event_id)
),
bounded AS (
    SELECT
        e.subject_no, e.event_no, e.occurred_at, e.occurred_on, e.module, e.duration_s, e.since_last_us,
        e.until_next_us, gap.gap_us, gap.least_us,
        coalesce(e.since_last_us > gap.gap_us, TRUE) AS starts_session,
        coalesce(e.until_next_us > gap.gap_us, TRUE) AS ends_session
    FROM spaced AS e
    CROSS JOIN gap
),
weighed AS (
    SELECT
        subject_no, event_no, occurred_at, occurred_on, module, duration_s, since_last_us, starts_session, ends_session,
        starts_session OR ends_session OR until_next_us > least_us AS stands_alone,
        CASE
            WHEN until_next_us <= gap_us THEN until_next_us
            ELSE CAST(round(least(coalesce(duration_s, 0) * 1000000, gap_us)) AS BIGINT)
        END AS active_us
    FROM bounded
)
SELECT
    subject_no,
    CASE WHEN stands_alone THEN event_no ELSE 0 END AS event_no,
    module,
    min(CASE WHEN stands_alone THEN occurred_at END) AS occurred_at,
    min(CASE WHEN stands_alone THEN occurred_on END) AS occurred_on,
    min(CASE WHEN stands_alone THEN duration_s END) AS duration_s,
    count(*) FILTER (WHERE since_last_us = 0) AS n_at_once,
    bool_or(starts_session) AS starts_session,
    bool_or(ends_session) AS ends_session,
    CAST(sum(active_us) AS BIGINT) AS active_us
FROM weighed
GROUP BY 1, 2, 3
