-- Sessions of participants: one row a person and session; thirty minutes without an event end one.
WITH spaced AS (
    SELECT
        subject_id, event_id, occurred_at, coalesce(duration_s, 0) AS duration_s,
        occurred_at - lag(occurred_at) OVER ordered AS since_last,
        lead(occurred_at) OVER ordered - occurred_at AS until_next
    FROM {{ ref('usage') }}
    WHERE actor = 'participant'
    WINDOW ordered AS (PARTITION BY subject_id ORDER BY occurred_at, event_id)
),
numbered AS (
    SELECT
        *,
        coalesce(until_next > INTERVAL 30 MINUTE, true) AS is_last,
        count(*) FILTER (coalesce(since_last > INTERVAL 30 MINUTE, true))
            OVER (PARTITION BY subject_id ORDER BY occurred_at, event_id ROWS UNBOUNDED PRECEDING) AS session_no
    FROM spaced
),
session AS (
    SELECT
        subject_id, session_no, min(occurred_at) AS started_at, max(occurred_at) AS ended_at, count(*) AS n_events,
        max(duration_s) FILTER (is_last) AS last_duration_s
    FROM numbered
    GROUP BY subject_id, session_no
)
SELECT
    subject_id,
    session_no,
    started_at,
    ended_at,
    n_events,
    epoch(ended_at - started_at) + last_duration_s AS duration_s,
    epoch(ended_at - started_at) + least(last_duration_s, 1800) AS active_s,
    date_diff('day', starts_on, CAST(timezone('Europe/London', started_at) AS DATE)) // 7 + 1 AS week_no
FROM session
JOIN {{ ref('participant') }} USING (subject_id)
