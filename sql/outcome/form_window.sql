-- Which visit's window holds a form's day: one row a form that lies in a window of the person's arm.
-- target_difference: days from the visit's target date, before it negative. Study days have no day 0,
-- so days are compared as distances from the reference date.
SELECT
    f.form_no,
    f.usubjid,
    f.instrument,
    f.source,
    v.avisit,
    v.avisitn,
    v.target_day,
    (f.completed_on - p.reference_on)
        - (v.target_day - CASE WHEN v.target_day > 0 THEN 1 ELSE 0 END) AS target_difference
FROM outcome.form AS f
JOIN core.subject AS p ON p.usubjid = f.usubjid
JOIN study.visit_arm AS va ON va.arm = coalesce(p.arm, '')
JOIN study.visit AS v ON v.avisit = va.avisit
WHERE f.study_day BETWEEN v.window_from AND v.window_to
