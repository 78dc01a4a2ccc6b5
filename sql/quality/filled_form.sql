-- Which form fills which planned one: one row a planned form and form that came for it.
-- A visit's form lies in its window or carries its label, as in quality.person_form; a week of treatment is filled by
-- any form of the instrument in that week, as in analysis.adqw. One form may fill a visit and a week.
SELECT
    v.usubjid,
    v.instrument,
    v.avisit,
    v.week_no,
    f.form_no,
    f.completed_on,
    f.n_answered,
    coalesce(w.avisit = v.avisit, FALSE) AS in_window
FROM quality.planned_form AS v
JOIN outcome.form AS f ON f.usubjid = v.usubjid AND f.instrument = v.instrument AND f.source = 'visit'
LEFT JOIN outcome.form_window AS w ON w.form_no = f.form_no
WHERE v.week_no = 0 AND (w.avisit = v.avisit OR upper(trim(f.visit)) = upper(v.avisit))
UNION ALL
SELECT
    v.usubjid,
    v.instrument,
    v.avisit,
    v.week_no,
    f.form_no,
    f.completed_on,
    f.n_answered,
    TRUE AS in_window
FROM quality.planned_form AS v
JOIN outcome.form AS f
    ON f.usubjid = v.usubjid AND f.instrument = v.instrument AND f.completed_on BETWEEN v.opens_on AND v.due_on
WHERE v.week_no > 0
