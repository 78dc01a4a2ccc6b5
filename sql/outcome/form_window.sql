-- Which visit's window holds a form's day: one row a form that lies in a window of the person's arm.
-- target_difference: days from the visit's target date, before it negative.
-- Where the windows of two epochs hold it (the last assessment of a wait may lie in the window of the next
-- epoch's baseline too), the earlier epoch has it.
SELECT
    f.form_no,
    f.usubjid,
    f.instrument,
    f.source,
    v.avisit,
    v.avisitn,
    v.epoch_no,
    v.target_day,
    f.completed_on - v.target_on AS target_difference
FROM outcome.form AS f
JOIN core.planned_visit AS v ON v.usubjid = f.usubjid AND f.completed_on BETWEEN v.opens_on AND v.closes_on
QUALIFY row_number() OVER (PARTITION BY f.form_no ORDER BY v.epoch_no) = 1
