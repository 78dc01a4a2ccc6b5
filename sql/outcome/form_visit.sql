-- The analysis visit of every form: one row a form.
--
-- A visit form belongs to the visit whose window holds its day, whatever its label says. A weekly form
-- fills a visit only where the study file allows it, the instrument is due at that visit, and no visit form
-- of that instrument lies in the window. In a trial with allocation the forms of an unrandomised
-- person are SCREENING; whatever no window holds is UNSCHEDULED.
--
-- A form belongs to its visit's epoch, else to the last one that began before its day: what is filled in on
-- the first day of an epoch tells how people came into it. epoch_day: study day counted from the epoch's start.
WITH visited AS (
    SELECT DISTINCT usubjid, instrument, avisit
    FROM outcome.form_window
    WHERE source = 'visit'
),
assigned AS (
    SELECT w.form_no, w.avisit, w.avisitn, w.epoch_no, w.target_day, w.target_difference
    FROM outcome.form_window AS w
    CROSS JOIN study.setting AS s
    LEFT JOIN visited AS v
        ON v.usubjid = w.usubjid AND v.instrument = w.instrument AND v.avisit = w.avisit
    LEFT JOIN study.scheduled_form AS due ON due.avisit = w.avisit AND due.instrument = w.instrument
    WHERE
        w.source = 'visit'
        OR (s.weekly_fills = 'when_missing' AND due.avisit IS NOT NULL AND v.avisit IS NULL)
),
by_day AS (
    SELECT f.form_no, max(e.epoch_no) AS epoch_no
    FROM outcome.form AS f
    JOIN core.epoch AS e ON e.usubjid = f.usubjid
    WHERE e.epoch_no = 1 OR e.start_on < f.completed_on
    GROUP BY f.form_no
)
SELECT
    f.form_no,
    CASE
        WHEN s.has_allocation AND NOT p.randomised THEN 'SCREENING'
        ELSE coalesce(a.avisit, 'UNSCHEDULED')
    END AS avisit,
    a.avisitn,
    a.target_day,
    a.target_difference,
    e.epoch_no,
    f.completed_on - e.start_on + CASE WHEN f.completed_on >= e.start_on THEN 1 ELSE 0 END AS epoch_day
FROM outcome.form AS f
JOIN core.subject AS p ON p.usubjid = f.usubjid
CROSS JOIN study.setting AS s
LEFT JOIN assigned AS a ON a.form_no = f.form_no
LEFT JOIN by_day AS d ON d.form_no = f.form_no
LEFT JOIN core.epoch AS e ON e.usubjid = f.usubjid AND e.epoch_no = coalesce(a.epoch_no, d.epoch_no)
