-- Time to dropout and to non-usage (ADaM TTE): one row a person at risk and parameter. aval counts days from
-- startdt to adt, both included; cnsr 0 is an event, 1 a censored time.
--
-- DROPOUT (dropout attrition, Eysenbach 2005, 10.2196/jmir.7.1.e11): from the reference date of everybody enrolled to
-- discontinuation; censored at completion of the study or at the as-of day.
--
-- NONUSE (non-usage attrition): from the day on which somebody was given the programme (core.programme) to the last own
-- event in the log, if as many days of silence as the study file calls non-usage follow it to the end of what is known:
-- the earliest of the end of treatment, the end of study, the as-of day and the day up to which the site's log
-- speaks. Else censored on that day. Who never used it stops on the first day. Without a log there is no
-- time, without a rule no row. Silence is never taken for dropout.
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
watched AS (
    SELECT
        w.subject_no, w.usubjid, w.starts_on, rule.days, r.usage_until,
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
last_use AS (
    SELECT w.usubjid, max(a.occurred_on) AS used_on
    FROM watched AS w
    JOIN engagement.activity AS a
        ON a.subject_no = w.subject_no AND a.occurred_on BETWEEN w.starts_on AND w.known_until
    GROUP BY w.usubjid
),
silence AS (
    SELECT
        w.usubjid, w.starts_on, w.known_until, w.horizon, w.usage_until, u.used_on,
        w.known_until - coalesce(u.used_on, w.starts_on) >= w.days AS happened
    FROM watched AS w
    LEFT JOIN last_use AS u ON u.usubjid = w.usubjid
),
non_usage AS (
    SELECT
        usubjid,
        'NONUSE' AS paramcd,
        starts_on AS start_on,
        CASE
            WHEN usage_until IS NULL THEN NULL
            WHEN happened THEN coalesce(used_on, starts_on)
            ELSE known_until
        END AS ended_on,
        happened,
        CASE WHEN happened AND used_on IS NULL THEN 'NEVER USED' WHEN happened THEN 'STOPPED USING' END AS event,
        horizon AS censored
    FROM silence
),
followed AS (
    FROM dropout
    UNION ALL
    FROM non_usage
)
SELECT
    f.usubjid,
    f.paramcd,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    CASE WHEN f.paramcd = 'DROPOUT' THEN 'Time to dropout (days)' ELSE 'Time to non-usage (days)' END AS param,
    CASE WHEN f.ended_on >= f.start_on THEN CAST(f.ended_on - f.start_on + 1 AS DOUBLE) END AS aval,
    CASE WHEN f.ended_on >= f.start_on THEN CAST(CASE WHEN f.happened THEN 0 ELSE 1 END AS BIGINT) END AS cnsr,
    f.start_on AS startdt,
    f.ended_on AS adt,
    CASE WHEN f.ended_on < f.start_on THEN 'END BEFORE START' WHEN f.happened THEN f.event ELSE f.censored END
        AS evntdesc
FROM followed AS f
JOIN core.subject AS p ON p.usubjid = f.usubjid
