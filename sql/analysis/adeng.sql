-- Engagement by period (ADaM BDS): one row a person who has been given the programme, measure and period that has begun.
-- What each measure counts says engagement.period; study.engagement_measure lists them. dcert of ddays days, and wcert of
-- wweeks weeks, are certified by engagement.day_state: what is counted stands on these, and a zero is only as good.
--
-- UPTAKE is 0 only where the log tells every week. Calls are held against the plan of the weeks whose contact log is
-- there. Weekly forms: expected in each whole week of treatment that the person was in the study (the denominator stops at
-- withdrawal) since the programme asks the instrument; filled in, where any form of it fell into the week.
WITH form_week AS (
    SELECT
        w.usubjid, i.instrument, n.week_no,
        w.starts_on + CAST(7 * (n.week_no - 1) AS INTEGER) AS first_day,
        w.starts_on + CAST(7 * n.week_no - 1 AS INTEGER) AS last_day
    FROM core.programme AS w
    CROSS JOIN study.setting AS s
    CROSS JOIN (SELECT unnest(generate_series(1, treatment_weeks)) AS week_no FROM study.setting) AS n
    JOIN study.instrument AS i ON i.weekly
    WHERE
        w.programme_access
        AND w.starts_on + CAST(7 * n.week_no - 1 AS INTEGER) <= least(s.as_of, w.study_end)
        AND coalesce(i.weekly_since <= w.starts_on + CAST(7 * (n.week_no - 1) AS INTEGER), TRUE)
),
asked AS (
    SELECT
        w.usubjid, w.instrument, w.week_no, w.first_day,
        count(f.form_no) > 0 AS filled
    FROM form_week AS w
    LEFT JOIN outcome.form AS f
        ON f.usubjid = w.usubjid AND f.instrument = w.instrument AND f.completed_on BETWEEN w.first_day AND w.last_day
    GROUP BY w.usubjid, w.instrument, w.week_no, w.first_day
),
form AS (
    SELECT
        p.usubjid, p.aperiod,
        count(a.usubjid) AS n_expected,
        count(a.usubjid) FILTER (WHERE a.filled) AS n_filled
    FROM engagement.period AS p
    LEFT JOIN asked AS a ON a.usubjid = p.usubjid AND a.first_day BETWEEN p.first_day AND p.last_day
    GROUP BY p.usubjid, p.aperiod
),
planned AS (
    SELECT p.usubjid, p.aperiod, CAST(sum(w.n_calls_planned) AS BIGINT) AS n_calls
    FROM engagement.period AS p
    JOIN core.programme_week AS c ON c.usubjid = p.usubjid AND c.first_day BETWEEN p.first_day AND p.last_day
    JOIN engagement.participant_week AS w ON w.usubjid = c.usubjid AND w.week_no = c.week_no AND w.n_calls IS NOT NULL
    GROUP BY p.usubjid, p.aperiod
),
measured AS (
    SELECT p.usubjid, p.aperiod, p.n_days, p.n_days_certified, p.n_weeks, p.n_weeks_certified, m.paramcd, m.aval
    FROM engagement.period AS p
    JOIN form AS f ON f.usubjid = p.usubjid AND f.aperiod = p.aperiod
    LEFT JOIN planned AS c ON c.usubjid = p.usubjid AND c.aperiod = p.aperiod
    CROSS JOIN LATERAL (
        VALUES
            ('DAYS', CAST(p.n_days AS DOUBLE)),
            ('DAYCERT', p.n_days_certified),
            ('DAYOUT', p.n_days_outage),
            ('DAYACT', CASE WHEN p.n_weeks_known > 0 THEN p.n_days_used END),
            ('DAYACTP', 100.0 * p.n_days_used / nullif(p.n_days_certified, 0)),
            ('UPTAKE', CASE WHEN p.n_sessions > 0 THEN 1 WHEN p.n_weeks_known = p.n_weeks THEN 0 END),
            ('WEEKS', p.n_weeks_known),
            ('WEEKCERT', p.n_weeks_certified),
            ('WEEKACT', p.n_weeks_used),
            ('NSESS', p.n_sessions),
            ('NSESS1', p.n_sessions_of_one_event),
            ('SESSMIN', p.active_minutes),
            ('NLOGIN', p.n_logins),
            ('MODREL', p.n_modules_released),
            ('MODOPEN', p.n_modules_opened),
            ('MODCOMP', p.n_modules_completed),
            ('CMPREL', 100.0 * p.n_released_completed / nullif(p.n_modules_released, 0)),
            ('CMPCORE', 100.0 * p.n_core_completed / nullif(p.n_core_modules, 0)),
            ('CMPPHASE', 100.0 * p.n_phase_completed / nullif(p.n_phase_modules, 0)),
            ('MSGTO', p.n_messages_to_therapist),
            ('MSGFROM', p.n_messages_from_therapist),
            ('NREMIND', p.n_reminders),
            ('CALLPLAN', c.n_calls),
            ('CALLDONE', p.n_calls),
            ('CALLPCT', 100.0 * p.n_calls / nullif(c.n_calls, 0)),
            ('THERWK', p.n_weeks_contacts_known),
            ('THERMIN', p.therapist_minutes),
            ('THERCALL', p.call_minutes),
            ('THERMSG', p.message_minutes),
            ('THERVID', p.video_minutes),
            ('THERPER', p.in_person_minutes),
            ('WKFEXP', f.n_expected),
            ('WKFDONE', f.n_filled),
            ('WKFPCT', 100.0 * f.n_filled / nullif(f.n_expected, 0))
    ) AS m(paramcd, aval)
)
SELECT
    m.usubjid,
    m.paramcd,
    m.aperiod,
    e.param,
    CAST(m.aval AS DOUBLE) AS aval,
    e.unit AS avalu,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    e.paramn,
    m.n_days AS ddays,
    m.n_days_certified AS dcert,
    m.n_weeks AS wweeks,
    m.n_weeks_certified AS wcert
FROM measured AS m
JOIN study.engagement_measure AS e ON e.paramcd = m.paramcd
JOIN core.subject AS p ON p.usubjid = m.usubjid
