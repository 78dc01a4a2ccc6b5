-- Use of the programme by study week: one row a person and week in which the person could use it.
-- A week that the site's log reaches and in which nothing happened counts zero; one that it does not
-- reach, or of which every day is an outage of the log, is NULL, unless something of it is already known. The
-- certified days are the denominator that such a zero stands on.
WITH session_week AS (
    SELECT
        usubjid, week_no, count(*) AS n_sessions, sum(active_us) AS active_us,
        count(*) FILTER (WHERE n_events = 1) AS n_sessions_of_one_event
    FROM engagement.session
    GROUP BY usubjid, week_no
),
contact AS (
    SELECT
        subject_no, week_no,
        CAST(sum(CASE WHEN category = 'call' THEN n_contacts ELSE 0 END) AS BIGINT) AS n_calls,
        CAST(sum(try_cast(therapist_minutes AS DECIMAL(30, 6))) AS DOUBLE) AS therapist_minutes
    FROM engagement.contact_week
    GROUP BY subject_no, week_no
),
-- Of the certificate only this is asked, so that a count is walked back to its own week's events.
silent AS (
    SELECT w.usubjid, w.week_no, count(o.day) AS n_days
    FROM core.programme_week AS w
    JOIN engagement.outage_day AS o ON o.site_id = w.site_id AND o.day BETWEEN w.first_day AND w.last_day
    GROUP BY w.usubjid, w.week_no
),
week AS (
    SELECT
        w.subject_no, w.usubjid, w.week_no, w.site_id, w.subject_id,
        coalesce(
            r.usage_until >= w.last_day AND coalesce(o.n_days, 0) <= date_diff('day', w.first_day, w.last_day), FALSE
        ) OR u.n_events IS NOT NULL AS usage_known,
        coalesce(r.contacts_until >= w.last_day, FALSE) OR c.n_calls IS NOT NULL AS contacts_known,
        coalesce(s.n_sessions, 0) AS n_sessions,
        coalesce(s.active_us, 0) AS active_us,
        coalesce(u.n_logins, 0) AS n_logins,
        coalesce(u.n_modules_opened, 0) AS n_modules_opened,
        coalesce(u.n_modules_completed, 0) AS n_modules_completed,
        coalesce(u.n_messages_to_therapist, 0) AS n_messages_to_therapist,
        coalesce(u.n_messages_from_therapist, 0) AS n_messages_from_therapist,
        coalesce(c.n_calls, 0) AS n_calls,
        coalesce(c.therapist_minutes, 0) AS therapist_minutes,
        coalesce(u.n_reminders, 0) AS n_reminders,
        coalesce(s.n_sessions_of_one_event, 0) AS n_sessions_of_one_event,
        coalesce(p.n_calls, 0) AS n_calls_planned,
        coalesce(d.n_days, 0) AS n_days,
        coalesce(d.n_days_certified, 0) AS n_days_certified,
        coalesce(d.n_days_used, 0) AS n_days_used,
        coalesce(d.n_days_outage, 0) AS n_days_outage
    FROM core.programme_week AS w
    LEFT JOIN core.log_reach AS r ON r.site_id = w.site_id
    LEFT JOIN session_week AS s ON s.usubjid = w.usubjid AND s.week_no = w.week_no
    LEFT JOIN engagement.usage_week AS u ON u.subject_no = w.subject_no AND u.week_no = w.week_no
    LEFT JOIN contact AS c ON c.subject_no = w.subject_no AND c.week_no = w.week_no
    LEFT JOIN silent AS o ON o.usubjid = w.usubjid AND o.week_no = w.week_no
    LEFT JOIN engagement.day_week AS d ON d.usubjid = w.usubjid AND d.week_no = w.week_no
    LEFT JOIN study.planned_call AS p ON p.week_no = w.week_no
)
SELECT
    usubjid,
    week_no,
    site_id AS siteid,
    subject_id,
    CASE WHEN usage_known THEN n_sessions END AS n_sessions,
    CASE WHEN usage_known THEN active_us / 60000000.0 END AS active_minutes,
    CASE WHEN usage_known THEN n_logins END AS n_logins,
    CASE WHEN usage_known THEN n_modules_opened END AS n_modules_opened,
    CASE WHEN usage_known THEN n_modules_completed END AS n_modules_completed,
    CASE WHEN usage_known THEN n_messages_to_therapist END AS n_messages_to_therapist,
    CASE WHEN usage_known THEN n_messages_from_therapist END AS n_messages_from_therapist,
    CASE WHEN contacts_known THEN n_calls END AS n_calls,
    CASE WHEN contacts_known THEN therapist_minutes END AS therapist_minutes,
    CASE WHEN usage_known THEN CAST(active_us AS BIGINT) END AS active_us,
    CASE WHEN usage_known THEN n_reminders END AS n_reminders,
    CASE WHEN usage_known THEN n_sessions_of_one_event END AS n_sessions_of_one_event,
    n_calls_planned,
    n_days,
    n_days_certified,
    n_days_used,
    n_days_outage
FROM week
