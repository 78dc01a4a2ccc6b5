-- The record that stands for a visit: one row a person, parameter and visit. It is the value nearest to
-- the target date, of equally near ones the earlier; at BASELINE it is the baseline record.
SELECT r.usubjid, r.paramcd, r.avisit, r.aseq
FROM outcome.record AS r
LEFT JOIN outcome.baseline AS b
    ON b.usubjid = r.usubjid AND b.paramcd = r.paramcd AND b.aseq = r.aseq
WHERE r.avisit NOT IN ('SCREENING', 'UNSCHEDULED') AND r.score IS NOT NULL
QUALIFY row_number() OVER (
    PARTITION BY r.usubjid, r.paramcd, r.avisit
    ORDER BY b.aseq IS NULL, abs(r.target_difference), r.ordered_by, r.aseq
) = 1
