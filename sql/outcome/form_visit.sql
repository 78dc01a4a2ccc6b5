-- The analysis visit of every form: one row a form.
--
-- A visit form belongs to the visit whose window holds its day, whatever its label says. A weekly form
-- fills a visit only where the study file allows it, the instrument is due at that visit, and no visit form
-- of that instrument lies in the window. In a trial with allocation the forms of an unrandomised
-- person are SCREENING; whatever no window holds is UNSCHEDULED.
WITH visited AS (
    SELECT DISTINCT usubjid, instrument, avisit
    FROM outcome.form_window
    WHERE source = 'visit'
),
assigned AS (
    SELECT w.form_no, w.avisit, w.avisitn, w.target_day, w.target_difference
    FROM outcome.form_window AS w
    CROSS JOIN study.setting AS s
    LEFT JOIN visited AS v
        ON v.usubjid = w.usubjid AND v.instrument = w.instrument AND v.avisit = w.avisit
    LEFT JOIN study.scheduled_form AS due ON due.avisit = w.avisit AND due.instrument = w.instrument
    WHERE
        w.source = 'visit'
        OR (s.weekly_fills = 'when_missing' AND due.avisit IS NOT NULL AND v.avisit IS NULL)
)
SELECT
    f.form_no,
    CASE
        WHEN s.has_allocation AND NOT p.randomised THEN 'SCREENING'
        ELSE coalesce(a.avisit, 'UNSCHEDULED')
    END AS avisit,
    a.avisitn,
    a.target_day,
    a.target_difference
FROM outcome.form AS f
JOIN core.subject AS p ON p.usubjid = f.usubjid
CROSS JOIN study.setting AS s
LEFT JOIN assigned AS a ON a.form_no = f.form_no
