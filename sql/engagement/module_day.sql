-- What happened in a person's programme on a day: one row a person, day at the site, and module (NULL for events that
-- carry none). Everything that is counted of the log, but for sessions and time, is added up from here, so that the
-- log is read once. Opening and own events are the participant's; release and completion are whoever marked them.
-- n_ahead: own events whose time lies farther after the moment at which the platform stored them than the study file
-- allows, which no clock that is right can say.
SELECT
    p.subject_no,
    u.occurred_on,
    u.module,
    count(*) AS n_events,
    count(*) FILTER (WHERE u.actor = 'participant') AS n_own,
    count(*) FILTER (
        WHERE u.actor = 'participant'
            AND epoch_us(u.occurred_at) - epoch_us(u.stored_at) > limits.minutes_ahead * 60000000
    ) AS n_ahead,
    count(*) FILTER (WHERE u.actor = 'participant' AND u.event = 'login') AS n_logins,
    count(*) FILTER (WHERE u.actor = 'participant' AND u.event = 'module_opened') AS n_opens,
    count(*) FILTER (WHERE u.event = 'module_completed') AS n_completions,
    count(*) FILTER (WHERE u.actor = 'participant' AND u.event = 'message_sent') AS n_messages_to_therapist,
    count(*) FILTER (WHERE u.actor = 'therapist' AND u.event = 'message_sent') AS n_messages_from_therapist,
    count(*) FILTER (WHERE u.event = 'reminder_sent') AS n_reminders,
    count(*) FILTER (WHERE u.event = 'account_created') AS n_accounts_created,
    min(CASE WHEN u.event = 'module_released' THEN u.occurred_at END) AS released_at,
    min(CASE WHEN u.event = 'module_released' AND u.actor = 'therapist' THEN u.occurred_at END)
        AS released_by_therapist_at,
    min(CASE WHEN u.event = 'module_released' AND u.actor = 'system' THEN u.occurred_at END) AS released_by_system_at,
    min(CASE WHEN u.event = 'module_opened' AND u.actor = 'participant' THEN u.occurred_at END) AS opened_at,
    min(CASE WHEN u.event = 'module_completed' THEN u.occurred_at END) AS completed_at
FROM core.usage AS u
JOIN core.subject AS p ON p.site_id = u.site_id AND p.subject_id = u.subject_id
CROSS JOIN study.log_limit AS limits
GROUP BY p.subject_no, u.occurred_on, u.module
