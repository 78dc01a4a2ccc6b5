-- What happened in a person's programme, counted by study week: one row a person and week with any event.
-- A module is counted once a week, however often the participant opened it or anybody marked it as completed.
WITH counted AS (
    SELECT
        d.subject_no,
        CAST(floor(date_diff('day', w.starts_on, d.occurred_on) / 7.0) AS BIGINT) + 1 AS week_no,
        CAST(sum(d.n_events) AS BIGINT) AS n_events,
        CAST(sum(d.n_logins) AS BIGINT) AS n_logins,
        CAST(sum(d.n_messages_to_therapist) AS BIGINT) AS n_messages_to_therapist,
        CAST(sum(d.n_messages_from_therapist) AS BIGINT) AS n_messages_from_therapist,
        CAST(sum(d.n_reminders) AS BIGINT) AS n_reminders
    FROM engagement.day AS d
    JOIN core.programme AS w ON w.subject_no = d.subject_no
    GROUP BY 1, 2
),
module_week AS (
    SELECT
        p.subject_no,
        CAST(floor(date_diff('day', w.starts_on, u.occurred_on) / 7.0) AS BIGINT) + 1 AS week_no,
        count(DISTINCT CASE WHEN u.event = 'module_opened' THEN u.module END) AS n_opened,
        count(DISTINCT CASE WHEN u.event = 'module_completed' THEN u.module END) AS n_completed
    FROM core.usage AS u
    JOIN core.subject AS p ON p.site_id = u.site_id AND p.subject_id = u.subject_id
    JOIN core.programme AS w ON w.subject_no = p.subject_no
    WHERE u.event = 'module_completed' OR u.event = 'module_opened' AND u.actor = 'participant'
    GROUP BY 1, 2
)
SELECT
    c.subject_no,
    c.week_no,
    c.n_events,
    c.n_logins,
    coalesce(m.n_opened, 0) AS n_modules_opened,
    coalesce(m.n_completed, 0) AS n_modules_completed,
    c.n_messages_to_therapist,
    c.n_messages_from_therapist,
    c.n_reminders
FROM counted AS c
LEFT JOIN module_week AS m ON m.subject_no = c.subject_no AND m.week_no = c.week_no
