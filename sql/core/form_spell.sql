-- Each form against what was known of its person: one row a form and interval in which neither changed. As
-- core.form_history and core.subject_history say, with the form's study day (there is no day 0) and the visit whose
-- window holds it, counted in the study's first epoch (`first_epoch`: whether the form is of that). `one_arm`: that
-- there is the form, or its day, could tell the person's arm.
WITH scope AS (
    SELECT
        (SELECT max(window_to) FROM study.visit WHERE shared_by_all_arms) AS last_shared_day,
        (SELECT max(window_to) FROM study.visit WHERE epoch_no = 1) AS last_first_day,
        EXISTS (SELECT 1 FROM study.visit WHERE epoch_no > 1) AS has_later_epoch,
        EXISTS (SELECT 1 FROM study.arm WHERE NOT programme_access) AS weekly_reveals,
        EXISTS (SELECT 1 FROM study.visit WHERE NOT shared_by_all_arms) AS has_one_arm_visit
),
own_visit AS (
    SELECT va.arm, v.avisit, v.window_from, v.window_to, v.shared_by_all_arms
    FROM study.visit AS v
    JOIN study.visit_arm AS va ON va.avisit = v.avisit
    WHERE v.epoch_no = 1
),
spell AS (
    SELECT
        f.site_id, f.subject_id, f.instrument, f.label, f.completed_on, f.completed_at, f.weekly, f.sequence,
        greatest(f.valid_from, t.valid_from) AS known_from,
        least(f.valid_to, t.valid_to) AS known_to,
        t.listed, t.consent_date, t.study_end, t.arm, t.reference_on, t.later_start_on,
        f.completed_on - t.reference_on + CASE WHEN f.completed_on >= t.reference_on THEN 1 ELSE 0 END AS study_day
    FROM core.form_history AS f
    JOIN core.subject_history AS t
        ON t.site_id = f.site_id AND t.subject_id = f.subject_id
        AND coalesce(t.valid_from < f.valid_to, TRUE) AND coalesce(f.valid_from < t.valid_to, TRUE)
)
SELECT
    f.site_id,
    f.subject_id,
    f.instrument,
    f.label,
    f.completed_on,
    f.completed_at,
    f.weekly,
    f.known_from,
    f.known_to,
    f.sequence,
    f.listed,
    f.consent_date,
    f.study_end,
    f.arm,
    f.study_day,
    named.avisit AS label_avisit,
    held.avisit AS window_avisit,
    coalesce(named.epoch_no, 1) = 1
        AND NOT coalesce(s.has_later_epoch AND f.study_day > s.last_first_day, FALSE)
        AND NOT coalesce(f.completed_on > f.later_start_on, FALSE) AS first_epoch,
    CASE
        WHEN f.weekly THEN s.weekly_reveals
        WHEN NOT coalesce(named.shared_by_all_arms, TRUE) OR NOT coalesce(held.shared_by_all_arms, TRUE) THEN TRUE
        ELSE coalesce(s.has_one_arm_visit AND f.study_day > s.last_shared_day, FALSE)
    END AS one_arm
FROM spell AS f
CROSS JOIN scope AS s
LEFT JOIN study.visit AS named ON upper(named.avisit) = upper(f.label) AND NOT f.weekly
LEFT JOIN own_visit AS held
    ON held.arm = coalesce(f.arm, '') AND f.study_day BETWEEN held.window_from AND held.window_to
