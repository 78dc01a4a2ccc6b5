-- Baselines: one row a person, parameter and epoch that has one.
--
-- First epoch: the last value in the BASELINE window on or before the reference date (study day 1). A later
-- epoch: the last value on or before its first day that is no older than the study file allows, of a visit form or of
-- a weekly form that fills a visit; it mostly is the last assessment of the wait.
WITH candidate AS (
    SELECT usubjid, paramcd, 1 AS epoch_no, aseq, score
    FROM outcome.record
    WHERE avisit = 'BASELINE' AND study_day <= 1 AND score IS NOT NULL
    UNION ALL
    SELECT r.usubjid, r.paramcd, e.epoch_no, r.aseq, r.score
    FROM core.epoch AS e
    JOIN study.epoch AS x ON x.epoch_no = e.epoch_no
    JOIN outcome.record AS r ON r.usubjid = e.usubjid
    WHERE
        e.epoch_no > 1
        AND r.score IS NOT NULL
        AND r.completed_on BETWEEN e.start_on + CAST(x.baseline_from AS INTEGER) AND e.start_on
        AND (r.source = 'visit' OR r.avisitn IS NOT NULL)
)
SELECT usubjid, paramcd, epoch_no, aseq, score
FROM candidate
QUALIFY row_number() OVER (PARTITION BY usubjid, paramcd, epoch_no ORDER BY aseq DESC) = 1
