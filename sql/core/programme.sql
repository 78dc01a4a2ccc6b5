-- Since when a person has been given the programme: one row a person with a treatment start.
--
-- Weeks of engagement are counted from starts_on. For those allocated to an arm with the programme (in a trial without
-- arms, for everybody enrolled) that is the treatment start; for people who waited for it, the first day of the first
-- epoch in which they have it. For everybody else, and until then, it is the treatment start, without access.
-- ends_on: so long after it as the treatment lasts, or the end of study where that is earlier.
WITH given AS (
    SELECT e.usubjid, min(e.epoch_no) AS epoch_no
    FROM core.epoch AS e
    WHERE e.epoch_no > 1 AND e.programme_access
    GROUP BY e.usubjid
),
started AS (
    SELECT
        p.subject_no, p.usubjid, p.site_id, p.subject_id, p.study_end,
        CASE WHEN p.programme_access THEN 1 ELSE e.epoch_no END AS epoch_no,
        CASE WHEN p.programme_access THEN p.treatment_start ELSE coalesce(e.start_on, p.treatment_start) END AS starts_on
    FROM core.subject AS p
    LEFT JOIN given AS g ON g.usubjid = p.usubjid
    LEFT JOIN core.epoch AS e ON e.usubjid = g.usubjid AND e.epoch_no = g.epoch_no
    WHERE p.treatment_start IS NOT NULL
)
SELECT
    t.subject_no,
    t.usubjid,
    t.site_id,
    t.subject_id,
    t.epoch_no,
    t.epoch_no IS NOT NULL AS programme_access,
    t.starts_on,
    least(t.starts_on + CAST(7 * s.treatment_weeks AS INTEGER), t.study_end) AS ends_on,
    t.study_end
FROM started AS t
CROSS JOIN study.setting AS s
