-- Days on which anything happened in a person's programme: one row a person and day at the site.
-- n_ahead: own events whose time lies farther after the moment at which the platform stored them than the study file
-- allows, which no clock that is right can say.
SELECT
    p.subject_no,
    u.occurred_on,
    count(*) AS n_events,
    count(*) FILTER (WHERE u.actor = 'participant') AS n_own,
    count(*) FILTER (
        WHERE u.actor = 'participant'
            AND epoch_us(u.occurred_at) - epoch_us(u.stored_at) > limits.minutes_ahead * 60000000
    ) AS n_ahead,
    count(*) FILTER (WHERE u.event = 'account_created') AS n_accounts_created,
    count(*) FILTER (WHERE u.actor = 'participant' AND u.event = 'login') AS n_logins,
    count(*) FILTER (WHERE u.actor = 'participant' AND u.event = 'message_sent') AS n_messages_to_therapist,
    count(*) FILTER (WHERE u.actor = 'therapist' AND u.event = 'message_sent') AS n_messages_from_therapist,
    count(*) FILTER (WHERE u.event = 'reminder_sent') AS n_reminders
FROM core.usage AS u
JOIN core.subject AS p ON p.site_id = u.site_id AND p.subject_id = u.subject_id
CROSS JOIN study.log_limit AS limits
WHERE u.occurred_on IS NOT NULL
GROUP BY p.subject_no, u.occurred_on
