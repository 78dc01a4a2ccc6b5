-- Who returned what at each visit that all arms have: one row a site and visit, everybody in the trial in one state.
--
-- received: a form of the visit came. Else excused: the person left before the window closed. not_yet: the window
-- opens later, or it is not known when. open: today lies in it. overdue: it has closed.
WITH person AS (
    SELECT p.usubjid, p.site_id, p.study_end
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    WHERE CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END
),
received AS (
    SELECT DISTINCT usubjid, avisit FROM quality.person_form WHERE received
),
state AS (
    SELECT
        p.site_id, v.avisit, v.avisitn,
        CASE
            WHEN r.usubjid IS NOT NULL THEN 'received'
            WHEN p.study_end < least(w.closes_on, s.as_of) OR p.study_end < w.opens_on THEN 'excused'
            WHEN w.opens_on IS NULL OR s.as_of < w.opens_on THEN 'not_yet'
            WHEN s.as_of <= w.closes_on THEN 'open'
            ELSE 'overdue'
        END AS state
    FROM person AS p
    CROSS JOIN study.setting AS s
    JOIN study.visit AS v ON v.shared_by_all_arms
    SEMI JOIN study.scheduled_form AS f ON f.avisit = v.avisit
    LEFT JOIN core.planned_visit AS w ON w.usubjid = p.usubjid AND w.avisit = v.avisit
    LEFT JOIN received AS r ON r.usubjid = p.usubjid AND r.avisit = v.avisit
),
counted AS (
    SELECT
        site_id, avisit,
        count(*) AS n_randomised,
        count(*) FILTER (WHERE state = 'not_yet') AS n_not_yet,
        count(*) FILTER (WHERE state = 'open') AS n_open,
        count(*) FILTER (WHERE state = 'received') AS n_received,
        count(*) FILTER (WHERE state = 'overdue') AS n_overdue,
        count(*) FILTER (WHERE state = 'excused') AS n_excused
    FROM state
    GROUP BY site_id, avisit
)
SELECT
    site.site_id,
    v.avisit,
    v.avisitn,
    coalesce(c.n_randomised, 0) AS n_randomised,
    coalesce(c.n_not_yet, 0) AS n_not_yet,
    coalesce(c.n_open, 0) AS n_open,
    coalesce(c.n_received, 0) AS n_received,
    coalesce(c.n_overdue, 0) AS n_overdue,
    coalesce(c.n_excused, 0) AS n_excused,
    CAST(c.n_received AS DOUBLE) / nullif(c.n_received + c.n_overdue, 0) AS return_rate
FROM study.site AS site
JOIN study.visit AS v ON v.shared_by_all_arms
SEMI JOIN study.scheduled_form AS f ON f.avisit = v.avisit
LEFT JOIN counted AS c ON c.site_id = site.site_id AND c.avisit = v.avisit
