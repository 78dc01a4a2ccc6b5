-- Baselines: one row a person and parameter that has one: the last value in the BASELINE window
-- on or before the reference date (study day 1).
SELECT usubjid, paramcd, aseq, score
FROM outcome.record
WHERE avisit = 'BASELINE' AND study_day <= 1 AND score IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY usubjid, paramcd ORDER BY aseq DESC) = 1
