-- How many sessions, and how many minutes of them, come of other gaps than the study's own: one row a person who ever
-- used the programme and gap of the study file.
--
-- A pause is the time from an own event to the next one. Pauses no longer than the smallest gap are part of
-- a session at any gap, so only the longer ones are looked at one by one: those inside the study's own sessions, and
-- those between them. A pause longer than the gap ends a session; then, as at a person's last event, the event's
-- stated duration counts up to the gap.
WITH smallest AS (
    SELECT min(gap_minutes) * 60000000 AS gap_us FROM study.session_gap
),
between_sessions AS (
    SELECT
        usubjid, active_us,
        epoch_us(ended_at) - epoch_us(started_at) AS span_us,
        duration_s - (epoch_us(ended_at) - epoch_us(started_at)) / 1000000.0 AS last_duration_s,
        epoch_us(lead(started_at) OVER (PARTITION BY usubjid ORDER BY session_no)) - epoch_us(ended_at) AS pause_us
    FROM engagement.session
),
inside_sessions AS (
    SELECT p.usubjid, a.active_us AS pause_us, a.duration_s
    FROM engagement.activity AS a
    JOIN smallest AS m ON a.active_us > m.gap_us AND a.event_no > 0 AND NOT a.ends_session
    JOIN core.subject AS p ON p.subject_no = a.subject_no
),
pause AS (
    SELECT usubjid, pause_us, last_duration_s AS duration_s FROM between_sessions
    UNION ALL
    SELECT usubjid, pause_us, duration_s FROM inside_sessions
),
short AS (
    SELECT usubjid, CAST(sum(us) AS BIGINT) AS us
    FROM (
        SELECT usubjid, span_us AS us FROM between_sessions
        UNION ALL
        SELECT usubjid, -pause_us AS us FROM inside_sessions
    ) AS part
    GROUP BY usubjid
),
counted AS (
    SELECT
        p.usubjid, g.gap_minutes, g.is_primary,
        count(*) FILTER (WHERE coalesce(p.pause_us > g.gap_minutes * 60000000, TRUE)) AS n_sessions,
        CAST(sum(
            CASE
                WHEN p.pause_us <= g.gap_minutes * 60000000 THEN p.pause_us
                ELSE CAST(round(least(coalesce(p.duration_s, 0) * 1000000, g.gap_minutes * 60000000)) AS BIGINT)
            END
        ) AS BIGINT) AS us
    FROM pause AS p
    CROSS JOIN study.session_gap AS g
    GROUP BY p.usubjid, g.gap_minutes, g.is_primary
)
SELECT
    c.usubjid,
    c.gap_minutes,
    p.site_id AS siteid,
    p.subject_id,
    c.is_primary,
    c.n_sessions,
    (c.us + s.us) / 60000000.0 AS active_minutes
FROM counted AS c
JOIN short AS s ON s.usubjid = c.usubjid
JOIN core.subject AS p ON p.usubjid = c.usubjid
