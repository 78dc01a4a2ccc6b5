-- Use of the programme over whole periods: one row a person who has been given it and period that has begun, staff and
-- test accounts left out. TREATMENT: the weeks of treatment; FOLLOW-UP: what comes after them; OVERALL: both; none goes on
-- after the end of study or as-of. Sums are over the weeks that the logs tell (n_weeks_known, n_weeks_contacts_known), NULL
-- where they tell none.
--
-- Modules count against three denominators. Released: by the end of the period, and not completed before it
-- began. Core: the core modules of the person's programme that belong to the period's phase. Phase: these and its boosters;
-- what belongs to the booster phase is not in TREATMENT, nor in OVERALL before the follow-up begins.
WITH person AS (
    SELECT
        w.subject_no, w.usubjid, w.site_id, w.starts_on, s.treatment_weeks,
        coalesce(e.arm, '') AS arm,
        least(s.as_of, w.study_end) AS last_day,
        w.starts_on + CAST(7 * s.treatment_weeks AS INTEGER) AS follow_up_on
    FROM core.programme AS w
    CROSS JOIN study.setting AS s
    LEFT JOIN core.epoch AS e ON e.usubjid = w.usubjid AND e.epoch_no = w.epoch_no
    ANTI JOIN core.test_account AS t ON t.subject_no = w.subject_no
    WHERE w.programme_access
),
span AS (
    SELECT
        usubjid, site_id, arm, 'TREATMENT' AS aperiod, starts_on AS first_day,
        least(last_day, follow_up_on - 1) AS last_day, 1 AS from_week, treatment_weeks AS to_week,
        TRUE AS has_treatment, FALSE AS has_booster, last_day >= follow_up_on - 1 AS is_over
    FROM person
    WHERE last_day >= starts_on
    UNION ALL
    SELECT
        usubjid, site_id, arm, 'FOLLOW-UP' AS aperiod, follow_up_on AS first_day, last_day,
        treatment_weeks + 1 AS from_week, CAST(NULL AS BIGINT) AS to_week,
        FALSE AS has_treatment, TRUE AS has_booster, FALSE AS is_over
    FROM person
    WHERE last_day >= follow_up_on
    UNION ALL
    SELECT
        usubjid, site_id, arm, 'OVERALL' AS aperiod, starts_on AS first_day, last_day, 1 AS from_week,
        CAST(NULL AS BIGINT) AS to_week,
        TRUE AS has_treatment, last_day >= follow_up_on AS has_booster, FALSE AS is_over
    FROM person
    WHERE last_day >= starts_on
),
use AS (
    SELECT
        s.usubjid, s.aperiod,
        CAST(sum(u.n_days) AS BIGINT) AS n_days,
        CAST(sum(u.n_days_certified) AS BIGINT) AS n_days_certified,
        CAST(sum(u.n_days_outage) AS BIGINT) AS n_days_outage,
        CAST(sum(u.n_days_used) AS BIGINT) AS n_days_used,
        count(*) AS n_weeks,
        count(u.n_sessions) AS n_weeks_known,
        count(*) FILTER (WHERE u.n_days_certified = u.n_days AND u.n_days > 0) AS n_weeks_certified,
        count(*) FILTER (WHERE u.n_sessions > 0) AS n_weeks_used,
        CAST(sum(u.n_sessions) AS BIGINT) AS n_sessions,
        CAST(sum(u.n_sessions_of_one_event) AS BIGINT) AS n_sessions_of_one_event,
        CAST(sum(u.active_us) AS BIGINT) / 60000000.0 AS active_minutes,
        CAST(sum(u.n_logins) AS BIGINT) AS n_logins,
        CAST(sum(u.n_messages_to_therapist) AS BIGINT) AS n_messages_to_therapist,
        CAST(sum(u.n_messages_from_therapist) AS BIGINT) AS n_messages_from_therapist,
        CAST(sum(u.n_reminders) AS BIGINT) AS n_reminders,
        count(u.n_calls) AS n_weeks_contacts_known,
        CAST(sum(u.n_calls_planned) AS BIGINT) AS n_calls_planned,
        CAST(sum(u.n_calls) AS BIGINT) AS n_calls,
        CAST(sum(CAST(u.therapist_minutes AS DECIMAL(30, 6))) AS DOUBLE) AS therapist_minutes
    FROM span AS s
    JOIN engagement.participant_week AS u
        ON u.usubjid = s.usubjid AND u.week_no >= s.from_week AND u.week_no <= coalesce(s.to_week, u.week_no)
    GROUP BY s.usubjid, s.aperiod
),
therapist AS (
    SELECT
        s.usubjid, s.aperiod,
        CAST(sum(CASE t.category WHEN 'call' THEN CAST(t.therapist_minutes AS DECIMAL(30, 6)) END) AS DOUBLE)
            AS call_minutes,
        CAST(sum(CASE t.category WHEN 'message' THEN CAST(t.therapist_minutes AS DECIMAL(30, 6)) END) AS DOUBLE)
            AS message_minutes,
        CAST(sum(CASE t.category WHEN 'video' THEN CAST(t.therapist_minutes AS DECIMAL(30, 6)) END) AS DOUBLE)
            AS video_minutes,
        CAST(sum(CASE t.category WHEN 'in_person' THEN CAST(t.therapist_minutes AS DECIMAL(30, 6)) END) AS DOUBLE)
            AS in_person_minutes
    FROM span AS s
    JOIN engagement.therapist_week AS t
        ON t.usubjid = s.usubjid AND t.week_no >= s.from_week AND t.week_no <= coalesce(s.to_week, t.week_no)
    GROUP BY s.usubjid, s.aperiod
),
touched AS (
    SELECT
        s.usubjid, s.aperiod,
        count(*) FILTER (
            WHERE m.released_on <= s.last_day AND coalesce(m.completed_on >= s.first_day, TRUE)
        ) AS n_modules_released,
        count(*) FILTER (
            WHERE m.released_on <= s.last_day AND m.completed_on BETWEEN s.first_day AND s.last_day
        ) AS n_released_completed,
        count(*) FILTER (WHERE m.first_opened_on BETWEEN s.first_day AND s.last_day) AS n_modules_opened,
        count(*) FILTER (WHERE m.completed_on BETWEEN s.first_day AND s.last_day) AS n_modules_completed
    FROM span AS s
    JOIN engagement.module_progress AS m ON m.usubjid = s.usubjid
    GROUP BY s.usubjid, s.aperiod
),
listed AS (
    SELECT
        s.usubjid, s.aperiod,
        count(*) AS n_phase_modules,
        count(*) FILTER (WHERE k.is_core) AS n_core_modules,
        count(m.module) AS n_phase_completed,
        count(m.module) FILTER (WHERE k.is_core) AS n_core_completed
    FROM span AS s
    JOIN study.module_arm AS a ON a.arm = s.arm
    JOIN study.module AS k
        ON k.module = a.module AND k.kind <> 'optional'
        AND ((s.has_treatment AND k.phase = 'treatment') OR (s.has_booster AND k.phase = 'booster'))
    LEFT JOIN engagement.module_progress AS m
        ON m.usubjid = s.usubjid AND m.module = k.module AND m.completed_on <= s.last_day
    GROUP BY s.usubjid, s.aperiod
)
SELECT
    s.usubjid,
    s.aperiod,
    s.site_id,
    s.first_day,
    s.last_day,
    s.is_over,
    u.n_days,
    u.n_days_certified,
    u.n_days_outage,
    u.n_days_used,
    u.n_weeks,
    u.n_weeks_known,
    u.n_weeks_certified,
    CASE WHEN u.n_weeks_known > 0 THEN u.n_weeks_used END AS n_weeks_used,
    u.n_sessions,
    u.n_sessions_of_one_event,
    u.active_minutes,
    u.n_logins,
    u.n_messages_to_therapist,
    u.n_messages_from_therapist,
    u.n_reminders,
    CASE WHEN u.n_weeks_known > 0 THEN coalesce(t.n_modules_released, 0) END AS n_modules_released,
    CASE WHEN u.n_weeks_known > 0 THEN coalesce(t.n_released_completed, 0) END AS n_released_completed,
    CASE WHEN u.n_weeks_known > 0 THEN coalesce(t.n_modules_opened, 0) END AS n_modules_opened,
    CASE WHEN u.n_weeks_known > 0 THEN coalesce(t.n_modules_completed, 0) END AS n_modules_completed,
    coalesce(k.n_core_modules, 0) AS n_core_modules,
    CASE WHEN u.n_weeks_known > 0 THEN coalesce(k.n_core_completed, 0) END AS n_core_completed,
    coalesce(k.n_phase_modules, 0) AS n_phase_modules,
    CASE WHEN u.n_weeks_known > 0 THEN coalesce(k.n_phase_completed, 0) END AS n_phase_completed,
    u.n_weeks_contacts_known,
    u.n_calls_planned,
    u.n_calls,
    u.therapist_minutes,
    h.call_minutes,
    h.message_minutes,
    h.video_minutes,
    h.in_person_minutes
FROM span AS s
JOIN use AS u ON u.usubjid = s.usubjid AND u.aperiod = s.aperiod
LEFT JOIN therapist AS h ON h.usubjid = s.usubjid AND h.aperiod = s.aperiod
LEFT JOIN touched AS t ON t.usubjid = s.usubjid AND t.aperiod = s.aperiod
LEFT JOIN listed AS k ON k.usubjid = s.usubjid AND k.aperiod = s.aperiod
