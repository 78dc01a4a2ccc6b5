-- What happened in a person's programme, counted by study week: one row a person and week with any event.
SELECT
    p.subject_no,
    CAST(floor(date_diff('day', w.starts_on, u.occurred_on) / 7.0) AS BIGINT) + 1 AS week_no,
    count(*) AS n_events,
    count(*) FILTER (WHERE u.actor = 'participant' AND u.event = 'login') AS n_logins,
    count(DISTINCT CASE WHEN u.actor = 'participant' AND u.event = 'module_opened' THEN u.module END)
        AS n_modules_opened,
    count(DISTINCT CASE WHEN u.event = 'module_completed' THEN u.module END) AS n_modules_completed,
    count(*) FILTER (WHERE u.actor = 'participant' AND u.event = 'message_sent') AS n_messages_to_therapist,
    count(*) FILTER (WHERE u.actor = 'therapist' AND u.event = 'message_sent') AS n_messages_from_therapist
FROM core.usage AS u
JOIN core.subject AS p ON p.site_id = u.site_id AND p.subject_id = u.subject_id
JOIN core.programme AS w ON w.subject_no = p.subject_no
WHERE u.occurred_on IS NOT NULL
GROUP BY 1, 2
