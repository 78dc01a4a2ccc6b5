-- Times to leaving the study, stopping treatment and no longer using the programme, kept apart (ADaM TTE): one row a
-- person at risk and parameter. aval counts days from startdt to adt, both included; cnsr 0 is an event, 1 a
-- censored time.
--
-- DROPOUT (dropout attrition, Eysenbach 2005, 10.2196/jmir.7.1.e11): from the reference date of everybody enrolled to
-- discontinuation; censored at completion of the study or at the as-of day.
--
-- TRTDROP: from the day on which somebody was given the programme (core.programme) to the treatment's end as the
-- site records it (feed intercurrent_events, stopped_treatment); never inferred from silence, nor from leaving the study,
-- which censors. Censored at the earliest of the planned end, the end of study and the as-of day.
--
-- NONUSE (non-usage attrition): from the same day to the last own
-- event in the log, if as many days of silence as the study file calls non-usage follow it to the end of what is known:
-- the earliest of the end of treatment, the end of study, the as-of day and the day up to which the site's log
-- speaks. Else censored on that day. Days of an outage of the log are no silence. Who never used it stops on the
-- first day. Without a log there is no time, without a rule no row. Silence is never taken for dropout.
--
-- USELIFE: the same of everybody who used it at all, from the first use.
WITH dropout AS (
    SELECT
        p.usubjid,
        'DROPOUT' AS paramcd,
        p.reference_on AS start_on,
        coalesce(p.study_end, s.as_of) AS ended_on,
        p.study_status = 'DISCONTINUED' AND p.study_end IS NOT NULL AS happened,
        CASE
            WHEN p.study_status = 'DISCONTINUED' AND p.study_end IS NOT NULL
                THEN coalesce(p.discontinuation_reason, 'REASON NOT STATED')
        END AS event,
        CASE WHEN p.study_end IS NOT NULL THEN 'COMPLETED STUDY' ELSE 'IN STUDY ON AS-OF DAY' END AS censored
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    WHERE p.enrolled AND p.reference_on IS NOT NULL
),
stopped AS (
    SELECT usubjid, min(started_on) AS stopped_on, min_by(reason, event_no) AS reason
    FROM outcome.intercurrent_event
    WHERE kind = 'stopped_treatment' AND source = 'intercurrent_events' AND started_on IS NOT NULL
    GROUP BY usubjid
),
treatment AS (
    SELECT
        w.usubjid, w.starts_on, t.stopped_on, t.reason,
        least(w.ends_on, s.as_of) AS known_until,
        coalesce(t.stopped_on <= least(w.ends_on, s.as_of), FALSE) AS happened,
        CASE
            WHEN s.as_of < w.ends_on THEN 'AS-OF DAY'
            WHEN w.study_end <= w.ends_on THEN 'END OF STUDY'
            ELSE 'END OF TREATMENT'
        END AS horizon
    FROM core.programme AS w
    CROSS JOIN study.setting AS s
    LEFT JOIN stopped AS t ON t.usubjid = w.usubjid AND t.stopped_on >= w.starts_on
    WHERE w.programme_access
),
treatment_dropout AS (
    SELECT
        usubjid,
        'TRTDROP' AS paramcd,
        starts_on AS start_on,
        CASE WHEN happened THEN stopped_on ELSE known_until END AS ended_on,
        happened,
        CASE WHEN happened THEN coalesce(reason, 'REASON NOT STATED') END AS event,
        horizon AS censored
    FROM treatment
),
watched AS (
    SELECT
        w.subject_no, w.usubjid, w.site_id, w.starts_on, rule.days, r.usage_until,
        least(w.ends_on, s.as_of, r.usage_until) AS known_until,
        CASE
            WHEN r.usage_until IS NULL OR r.usage_until < least(w.ends_on, s.as_of) THEN 'END OF LOG'
            WHEN s.as_of < w.ends_on THEN 'AS-OF DAY'
            WHEN w.study_end <= w.ends_on THEN 'END OF STUDY'
            ELSE 'END OF TREATMENT'
        END AS horizon
    FROM core.programme AS w
    CROSS JOIN study.setting AS s
    CROSS JOIN study.non_usage AS rule
    JOIN core.log_reach AS r ON r.site_id = w.site_id
    WHERE w.programme_access
),
used AS (
    SELECT w.usubjid, min(d.occurred_on) AS first_on, max(d.occurred_on) AS last_on
    FROM watched AS w
    JOIN engagement.day AS d
        ON d.subject_no = w.subject_no AND d.n_own > 0 AND d.occurred_on BETWEEN w.starts_on AND w.known_until
    GROUP BY w.usubjid
),
out_of_log AS (
    SELECT w.usubjid, count(*) AS n_days
    FROM watched AS w
    LEFT JOIN used AS u ON u.usubjid = w.usubjid
    JOIN engagement.outage_day AS o
        ON o.site_id = w.site_id AND o.day <= w.known_until AND o.day > coalesce(u.last_on, w.starts_on)
    GROUP BY w.usubjid
),
silence AS (
    SELECT
        w.usubjid, w.starts_on, w.known_until, w.horizon, w.usage_until, u.first_on, u.last_on,
        date_diff('day', coalesce(u.last_on, w.starts_on), w.known_until) - coalesce(o.n_days, 0) >= w.days
            AS happened
    FROM watched AS w
    LEFT JOIN used AS u ON u.usubjid = w.usubjid
    LEFT JOIN out_of_log AS o ON o.usubjid = w.usubjid
),
non_usage AS (
    SELECT
        usubjid,
        'NONUSE' AS paramcd,
        starts_on AS start_on,
        CASE
            WHEN usage_until IS NULL THEN NULL
            WHEN happened THEN coalesce(last_on, starts_on)
            ELSE known_until
        END AS ended_on,
        happened,
        CASE WHEN happened AND last_on IS NULL THEN 'NEVER USED' WHEN happened THEN 'STOPPED USING' END AS event,
        horizon AS censored
    FROM silence
),
use_life AS (
    SELECT
        usubjid,
        'USELIFE' AS paramcd,
        first_on AS start_on,
        CASE WHEN happened THEN last_on ELSE known_until END AS ended_on,
        happened,
        CASE WHEN happened THEN 'STOPPED USING' END AS event,
        horizon AS censored
    FROM silence
    WHERE first_on IS NOT NULL
),
followed AS (
    SELECT * FROM dropout
    UNION ALL SELECT * FROM treatment_dropout
    UNION ALL SELECT * FROM non_usage
    UNION ALL SELECT * FROM use_life
)
SELECT
    f.usubjid,
    f.paramcd,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    CASE f.paramcd
        WHEN 'DROPOUT' THEN 'Time to dropout (days)'
        WHEN 'TRTDROP' THEN 'Time to stopping treatment (days)'
        WHEN 'NONUSE' THEN 'Time to non-usage (days)'
        ELSE 'Time from first use to non-usage (days)'
    END AS param,
    CASE WHEN f.ended_on >= f.start_on THEN CAST(date_diff('day', f.start_on, f.ended_on) + 1 AS DOUBLE) END AS aval,
    CASE WHEN f.ended_on >= f.start_on THEN CAST(CASE WHEN f.happened THEN 0 ELSE 1 END AS BIGINT) END AS cnsr,
    f.start_on AS startdt,
    f.ended_on AS adt,
    CASE WHEN f.ended_on < f.start_on THEN 'END BEFORE START' WHEN f.happened THEN f.event ELSE f.censored END
        AS evntdesc
FROM followed AS f
JOIN core.subject AS p ON p.usubjid = f.usubjid
