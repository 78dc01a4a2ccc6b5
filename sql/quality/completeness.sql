-- Forms due and received: one row a site, visit and instrument of the schedule.
--
-- Expected of a randomised person (in a trial without arms: an enrolled one) whose arm has the visit, once its
-- window has opened, unless the person completed or withdrew before; and of everybody who sent it.
-- Received: a visit form that lies in the window or carries the visit's name. Overdue: expected, not
-- received, and the window closed before the as-of day.
WITH visit AS (
    SELECT
        v.avisit, va.arm,
        CAST(v.window_from - CASE WHEN v.window_from > 0 THEN 1 ELSE 0 END AS INTEGER) AS opens_after,
        CAST(v.window_to - CASE WHEN v.window_to > 0 THEN 1 ELSE 0 END AS INTEGER) AS closes_after
    FROM study.visit AS v
    JOIN study.visit_arm AS va ON va.avisit = v.avisit
),
due AS (
    SELECT
        p.usubjid, v.avisit, f.instrument,
        p.reference_on + v.closes_after < s.as_of AS closed
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    JOIN visit AS v ON v.arm = coalesce(p.arm, '')
    JOIN study.scheduled_form AS f ON f.avisit = v.avisit
    WHERE
        CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END
        AND p.reference_on + v.opens_after <= s.as_of
        AND coalesce(p.study_end >= p.reference_on + v.opens_after, TRUE)
),
-- A form may count for two visits: by its day for one, by its label for another.
received_form AS (
    SELECT
        f.usubjid, v.avisit, f.instrument, f.form_no, f.n_answered,
        coalesce(a.avisit = v.avisit, FALSE) AS in_window
    FROM outcome.form AS f
    JOIN study.scheduled_form AS v ON v.instrument = f.instrument
    LEFT JOIN outcome.form_window AS a ON a.form_no = f.form_no
    WHERE
        f.source = 'visit'
        AND (a.avisit = v.avisit OR upper(trim(f.visit)) = upper(v.avisit))
),
received AS (
    SELECT
        r.usubjid, r.avisit, r.instrument,
        bool_or(r.in_window) AS in_window,
        count(*) AS n_forms,
        sum(r.n_answered) AS n_answered
    FROM received_form AS r
    GROUP BY r.usubjid, r.avisit, r.instrument
),
person AS (
    SELECT
        coalesce(d.usubjid, r.usubjid) AS usubjid,
        coalesce(d.avisit, r.avisit) AS avisit,
        coalesce(d.instrument, r.instrument) AS instrument,
        r.usubjid IS NOT NULL AS received,
        coalesce(r.in_window, FALSE) AS in_window,
        coalesce(d.closed AND r.usubjid IS NULL, FALSE) AS overdue,
        r.n_forms,
        r.n_answered
    FROM due AS d
    FULL JOIN received AS r
        ON r.usubjid = d.usubjid AND r.avisit = d.avisit AND r.instrument = d.instrument
),
counted AS (
    SELECT
        p.site_id, person.avisit, person.instrument,
        count(*) AS n_expected,
        count(*) FILTER (WHERE person.received) AS n_received,
        count(*) FILTER (WHERE person.in_window) AS n_in_window,
        count(*) FILTER (WHERE person.overdue) AS n_overdue,
        sum(person.n_forms) AS n_forms,
        sum(person.n_answered) AS n_answered
    FROM person
    JOIN core.subject AS p ON p.usubjid = person.usubjid
    GROUP BY p.site_id, person.avisit, person.instrument
),
length AS (
    SELECT instrument, count(*) AS n_items
    FROM study.item
    GROUP BY instrument
)
SELECT
    site.site_id,
    form.avisit,
    form.instrument,
    coalesce(c.n_expected, 0) AS n_expected,
    coalesce(c.n_received, 0) AS n_received,
    coalesce(c.n_in_window, 0) AS n_in_window,
    coalesce(c.n_overdue, 0) AS n_overdue,
    CAST(100 * (c.n_forms * l.n_items - c.n_answered) AS DOUBLE) / (c.n_forms * l.n_items) AS pct_items_missing
FROM study.site AS site
CROSS JOIN study.scheduled_form AS form
JOIN length AS l ON l.instrument = form.instrument
LEFT JOIN counted AS c
    ON c.site_id = site.site_id AND c.avisit = form.avisit AND c.instrument = form.instrument
