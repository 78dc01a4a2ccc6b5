-- Forms of the schedule by person: one row a person, visit and instrument, where the form is expected or was sent.
--
-- Expected of a randomised person (in a trial without arms: an enrolled one) whose arm has the visit, once its
-- window has opened, unless the person completed or withdrew before. A form that the protocol asks only since some
-- day is expected at visits whose target day is not before it. Received: a visit form that lies in the window or
-- carries the visit's name. Due on the window's last day; overdue when that is past, nothing was received, and the
-- person was still in the study on it: whoever has left owes nothing.
WITH due AS (
    SELECT
        p.usubjid, v.avisit, f.instrument,
        v.closes_on AS due_on,
        v.closes_on < s.as_of AND coalesce(p.study_end >= v.closes_on, TRUE) AS owed
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    JOIN core.planned_visit AS v ON v.usubjid = p.usubjid
    JOIN study.scheduled_form AS f ON f.avisit = v.avisit
    WHERE
        CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END
        AND v.opens_on <= s.as_of
        AND coalesce(p.study_end >= v.opens_on, TRUE)
        AND coalesce(f.since <= v.target_on, TRUE)
),
-- An instrument's first parameter stands for it: without it the form cannot be scored.
main_score AS (
    SELECT instrument, min_by(paramcd, paramn) AS paramcd FROM study.score GROUP BY instrument
),
-- A form may count for two visits: by its day for one, by its label for another.
received_form AS (
    SELECT
        f.usubjid, v.avisit, f.instrument, f.completed_on, f.n_answered, asked.n_items,
        coalesce(a.avisit = v.avisit, FALSE) AS in_window,
        s.score IS NOT NULL OR s.score_text IS NOT NULL AS scored
    FROM outcome.form AS f
    JOIN quality.asked_item AS asked ON asked.form_no = f.form_no
    JOIN study.scheduled_form AS v ON v.instrument = f.instrument
    LEFT JOIN outcome.form_window AS a ON a.form_no = f.form_no
    LEFT JOIN main_score AS m ON m.instrument = f.instrument
    LEFT JOIN outcome.score AS s ON s.form_no = f.form_no AND s.paramcd = m.paramcd
    WHERE
        f.source = 'visit'
        AND (a.avisit = v.avisit OR upper(trim(f.visit)) = upper(v.avisit))
),
received AS (
    SELECT
        usubjid, avisit, instrument,
        bool_or(in_window) AS in_window,
        bool_or(scored) AS scored,
        min(completed_on) AS completed_on,
        CAST(sum(n_items) AS BIGINT) AS n_items,
        CAST(sum(n_answered) AS BIGINT) AS n_answered
    FROM received_form
    GROUP BY usubjid, avisit, instrument
)
SELECT
    coalesce(d.usubjid, r.usubjid) AS usubjid,
    coalesce(d.avisit, r.avisit) AS avisit,
    coalesce(d.instrument, r.instrument) AS instrument,
    d.due_on,
    r.usubjid IS NOT NULL AS received,
    coalesce(r.in_window, FALSE) AS in_window,
    coalesce(d.owed AND r.usubjid IS NULL, FALSE) AS overdue,
    coalesce(r.n_items, 0) AS n_items,
    coalesce(r.n_answered, 0) AS n_answered,
    r.completed_on,
    coalesce(r.scored, FALSE) AS scored
FROM due AS d
FULL JOIN received AS r
    ON r.usubjid = d.usubjid AND r.avisit = d.avisit AND r.instrument = d.instrument
