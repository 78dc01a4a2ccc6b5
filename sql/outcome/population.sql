-- Who belongs to which population: one row a person and population of the study file.
--
-- All conditions that the study file sets must hold, and the person must be enrolled. Those about the
-- primary parameter, all in the first epoch: a baseline; a value at any time after it; a value that stands for the
-- primary visit.
-- Those about the programme bind only people whose arm has access to it: an own event in the log since the
-- treatment start; core modules completed, of as many as their arm's programme has.
WITH primary_outcome AS (
    SELECT
        r.usubjid,
        bool_or(b.aseq IS NOT NULL) AS has_baseline,
        bool_or(CASE WHEN b.aseq IS NULL THEN r.study_day > 1 ELSE r.aseq > b.aseq END) AS has_later_value,
        bool_or(c.aseq IS NOT NULL) AS has_endpoint
    FROM outcome.record AS r
    CROSS JOIN study.setting AS s
    LEFT JOIN outcome.baseline AS b ON b.usubjid = r.usubjid AND b.paramcd = r.paramcd AND b.epoch_no = 1
    LEFT JOIN outcome.chosen AS c
        ON c.usubjid = r.usubjid AND c.paramcd = r.paramcd AND c.aseq = r.aseq
        AND c.avisit = s.primary_avisit
    WHERE r.paramcd = s.primary_paramcd AND r.score IS NOT NULL AND coalesce(r.epoch_no, 1) = 1
    GROUP BY r.usubjid
),
started AS (
    SELECT DISTINCT usubjid
    FROM engagement.session
    WHERE coalesce(week_no, 1) >= 1
),
completed AS (
    SELECT usubjid, count(*) AS n_core_modules
    FROM engagement.module_progress
    WHERE is_core AND completed_at IS NOT NULL
    GROUP BY usubjid
),
offered AS (
    SELECT a.arm, count(*) AS n_core_modules
    FROM study.module_arm AS a
    JOIN study.module AS m ON m.module = a.module AND m.is_core
    GROUP BY a.arm
)
SELECT
    p.usubjid,
    c.population,
    p.enrolled
        AND (NOT c.randomised OR p.randomised)
        AND (NOT c.baseline_primary OR coalesce(o.has_baseline, FALSE))
        AND (NOT c.post_baseline_primary OR coalesce(o.has_later_value, FALSE))
        AND (NOT c.primary_at_endpoint OR coalesce(o.has_endpoint, FALSE))
        AND (NOT c.programme_started OR NOT p.programme_access OR started.usubjid IS NOT NULL)
        AND (
            NOT p.programme_access
            OR coalesce(completed.n_core_modules, 0) >= least(c.core_modules_completed, coalesce(offered.n_core_modules, 0))
        )
        AS belongs
FROM core.subject AS p
CROSS JOIN study.population AS c
LEFT JOIN primary_outcome AS o ON o.usubjid = p.usubjid
LEFT JOIN started ON started.usubjid = p.usubjid
LEFT JOIN completed ON completed.usubjid = p.usubjid
LEFT JOIN offered ON offered.arm = coalesce(p.arm, '')
