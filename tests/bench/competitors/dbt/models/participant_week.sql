-- Use by week since the programme's start: one row a person and week, up to the day given.
WITH week AS (
    SELECT subject_id, unnest(range(1, date_diff('day', starts_on, DATE '{{ env_var("AS_OF") }}') // 7 + 2)) AS week_no
    FROM {{ ref('participant') }}
),
session_week AS (
    SELECT subject_id, week_no, count(*) AS n_sessions, sum(active_s) / 60 AS active_minutes
    FROM {{ ref('session') }}
    GROUP BY subject_id, week_no
),
usage_week AS (
    SELECT
        subject_id,
        date_diff('day', starts_on, CAST(timezone('Europe/London', occurred_at) AS DATE)) // 7 + 1 AS week_no,
        count(*) FILTER (actor = 'participant' AND event = 'login') AS n_logins,
        count(DISTINCT module) FILTER (actor = 'participant' AND event = 'module_opened') AS n_modules_opened,
        count(DISTINCT module) FILTER (event = 'module_completed') AS n_modules_completed,
        count(*) FILTER (actor = 'participant' AND event = 'message_sent') AS n_messages_to_therapist,
        count(*) FILTER (actor = 'therapist' AND event = 'message_sent') AS n_messages_from_therapist
    FROM {{ ref('usage') }}
    JOIN {{ ref('participant') }} USING (subject_id)
    GROUP BY subject_id, week_no
)
SELECT
    subject_id,
    week_no,
    coalesce(n_sessions, 0) AS n_sessions,
    coalesce(active_minutes, 0) AS active_minutes,
    coalesce(n_logins, 0) AS n_logins,
    coalesce(n_modules_opened, 0) AS n_modules_opened,
    coalesce(n_modules_completed, 0) AS n_modules_completed,
    coalesce(n_messages_to_therapist, 0) AS n_messages_to_therapist,
    coalesce(n_messages_from_therapist, 0) AS n_messages_from_therapist
FROM week
LEFT JOIN session_week USING (subject_id, week_no)
LEFT JOIN usage_week USING (subject_id, week_no)
