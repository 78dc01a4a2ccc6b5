-- From whom the primary outcome is due, and whether it can be scored: one row a person. None where the primary visit
-- is not one that all arms have.
--
-- Due from whom the visit's window has closed on while in the study, and from everybody who sent its form for that
-- visit. A form of the programme that fills the visit does not count: the count is shown to the blinded, and only those
-- who have the programme can be helped out by it.
WITH primary_form AS (
    SELECT r.usubjid, bool_or(r.score IS NOT NULL) AS has_value, min(r.completed_on) AS completed_on
    FROM outcome.record AS r
    CROSS JOIN study.setting AS s
    WHERE r.paramcd = s.primary_paramcd AND r.avisit = s.primary_avisit AND r.source = 'visit'
    GROUP BY r.usubjid
),
person AS (
    SELECT
        p.usubjid, p.site_id, p.reference_on, p.study_end, s.as_of,
        CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END AS in_trial,
        p.reference_on + CAST(v.window_from - CASE WHEN v.window_from > 0 THEN 1 ELSE 0 END AS INTEGER) AS opens_on,
        p.reference_on + CAST(v.window_to - CASE WHEN v.window_to > 0 THEN 1 ELSE 0 END AS INTEGER) AS closes_on
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    JOIN study.visit AS v ON v.avisit = s.primary_avisit AND v.shared_by_all_arms
)
SELECT
    p.usubjid,
    p.site_id,
    coalesce(f.has_value, FALSE) AS has_value,
    f.completed_on,
    p.closes_on
FROM person AS p
LEFT JOIN primary_form AS f ON f.usubjid = p.usubjid
WHERE
    f.usubjid IS NOT NULL
    OR (p.in_trial AND p.closes_on < p.as_of AND coalesce(p.study_end >= p.opens_on, TRUE))
