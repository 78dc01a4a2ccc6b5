-- What happened in a person's programme, counted by study week: one row a person and week with any event.
SELECT
    d.subject_no,
    CAST(floor(date_diff('day', w.starts_on, d.occurred_on) / 7.0) AS BIGINT) + 1 AS week_no,
    CAST(sum(d.n_events) AS BIGINT) AS n_events,
    CAST(sum(d.n_logins) AS BIGINT) AS n_logins,
    count(DISTINCT CASE WHEN d.n_opens > 0 THEN d.module END) AS n_modules_opened,
    count(DISTINCT CASE WHEN d.n_completions > 0 THEN d.module END) AS n_modules_completed,
    CAST(sum(d.n_messages_to_therapist) AS BIGINT) AS n_messages_to_therapist,
    CAST(sum(d.n_messages_from_therapist) AS BIGINT) AS n_messages_from_therapist,
    CAST(sum(d.n_reminders) AS BIGINT) AS n_reminders
FROM engagement.module_day AS d
JOIN core.programme AS w ON w.subject_no = d.subject_no
WHERE d.occurred_on IS NOT NULL
GROUP BY 1, 2
