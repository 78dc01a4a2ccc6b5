-- Every form that the protocol could ask of a person: one row a person, instrument, and visit or week of treatment.
--
-- Everybody whom a site screened has a row for every form of every visit, of whatever arm and epoch (week_no 0), and
-- for every week of treatment in which the programme asks an instrument (avisit is the label of weekly forms). So the
-- rows are exactly people times forms; `absence` says what it means as of today if nothing came:
-- structurally_absent: never asked: another arm's visit, no programme, before the form was part of the protocol, or
-- a screening that failed.
-- withdrawn_before_due: the person had withdrawn or completed before the last day on which it was due.
-- not_due: its first day is to come, or not known yet. overdue: its last day is past. due: today lies between.
WITH person AS (
    SELECT
        p.*,
        CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END AS in_trial,
        s.as_of, s.weekly_label, s.treatment_weeks
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
),
-- Of a visit that is not planned for a person: asked only where it is too early to say.
visit_form AS (
    SELECT
        p.usubjid, f.avisit, 0 AS week_no, f.instrument, v.opens_on, v.closes_on AS due_on,
        CASE
            WHEN v.usubjid IS NOT NULL THEN coalesce(f.since <= v.target_on, TRUE)
            WHEN p.reference_on IS NULL THEN TRUE
            ELSE later.arm IS NOT NULL AND begun.usubjid IS NULL
        END AS asked
    FROM person AS p
    CROSS JOIN study.scheduled_form AS f
    JOIN study.visit AS visit ON visit.avisit = f.avisit
    LEFT JOIN core.planned_visit AS v ON v.usubjid = p.usubjid AND v.avisit = f.avisit
    LEFT JOIN study.epoch_arm AS later ON later.epoch_no = visit.epoch_no AND later.arm = coalesce(p.arm, '')
    LEFT JOIN core.epoch AS begun ON begun.usubjid = p.usubjid AND begun.epoch_no = visit.epoch_no
),
-- People who may still be given the programme in an epoch that they have not begun.
waiting AS (
    SELECT DISTINCT p.usubjid
    FROM person AS p
    JOIN study.epoch_arm AS ea ON ea.arm = coalesce(p.arm, '')
    JOIN study.epoch AS e ON e.epoch_no = ea.epoch_no
    LEFT JOIN study.arm AS a ON a.arm = e.arm
    ANTI JOIN core.epoch AS begun ON begun.usubjid = p.usubjid AND begun.epoch_no = ea.epoch_no
    ANTI JOIN core.programme AS given ON given.usubjid = p.usubjid AND given.programme_access
    WHERE e.starts = 'second_allocation' OR a.programme_access
),
week AS (
    SELECT
        p.usubjid, p.weekly_label AS avisit, i.instrument, i.weekly_since,
        coalesce(w.programme_access, FALSE) OR NOT p.in_trial OR waits.usubjid IS NOT NULL AS has_programme,
        CASE WHEN waits.usubjid IS NULL THEN w.starts_on END AS starts_on,
        unnest(generate_series(1, p.treatment_weeks)) AS week_no
    FROM person AS p
    JOIN study.instrument AS i ON i.weekly
    LEFT JOIN core.programme AS w ON w.usubjid = p.usubjid
    LEFT JOIN waiting AS waits ON waits.usubjid = p.usubjid
),
weekly_form AS (
    SELECT
        usubjid, avisit, week_no, instrument,
        starts_on + CAST(7 * (week_no - 1) AS INTEGER) AS opens_on,
        starts_on + CAST(7 * week_no - 1 AS INTEGER) AS due_on,
        has_programme
            AND coalesce(weekly_since <= starts_on + CAST(7 * (week_no - 1) AS INTEGER), TRUE) AS asked
    FROM week
),
planned AS (
    SELECT usubjid, avisit, week_no, instrument, opens_on, due_on, asked FROM visit_form
    UNION ALL
    SELECT usubjid, avisit, week_no, instrument, opens_on, due_on, asked FROM weekly_form
)
SELECT
    f.usubjid,
    f.instrument,
    f.avisit,
    f.week_no,
    f.opens_on,
    f.due_on,
    f.asked AND p.in_trial AND coalesce(f.opens_on <= p.as_of, FALSE) AND coalesce(p.study_end >= f.opens_on, TRUE)
        AS expected,
    CASE
        WHEN NOT f.asked OR (NOT p.in_trial AND p.study_status = 'SCREEN FAILURE') THEN 'structurally_absent'
        WHEN p.study_end < coalesce(f.due_on, p.study_end + 1) THEN 'withdrawn_before_due'
        WHEN NOT p.in_trial AND p.study_status IN ('DISCONTINUED', 'COMPLETED') THEN 'withdrawn_before_due'
        WHEN NOT p.in_trial OR f.opens_on IS NULL OR f.opens_on > p.as_of THEN 'not_due'
        WHEN f.due_on < p.as_of THEN 'overdue'
        ELSE 'due'
    END AS absence
FROM planned AS f
JOIN person AS p ON p.usubjid = f.usubjid
