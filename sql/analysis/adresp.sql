-- Responses (ADaM BDS): one row a person, visit, named definition and question that can be asked of it.
-- aval 1 is yes, 0 no; NULL (avalc NA) where the question does not apply: no per cent of a baseline of 0, no
-- recovery of who was no case. Several definitions of the same thing stand side by side.
WITH answered AS (
    FROM outcome.verdict
    UNION ALL
    FROM outcome.recovery
)
SELECT
    a.usubjid,
    a.avisit,
    a.definition AS defid,
    a.question AS paramcd,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    v.avisitn,
    v.epoch_no AS aperiod,
    a.completed_on AS adt,
    CASE a.question
        WHEN 'CASE' THEN 'Case'
        WHEN 'RELIMP' THEN 'Reliable improvement'
        WHEN 'RELDET' THEN 'Reliable deterioration'
        WHEN 'RESP' THEN 'Response'
        WHEN 'REMIS' THEN 'Remission'
        WHEN 'RECOV' THEN 'Recovery'
        WHEN 'RELRECOV' THEN 'Reliable recovery'
    END AS param,
    CAST(CASE WHEN a.holds THEN 1 WHEN NOT a.holds THEN 0 END AS DOUBLE) AS aval,
    CASE WHEN a.holds THEN 'Y' WHEN NOT a.holds THEN 'N' ELSE 'NA' END AS avalc,
    a.measures AS srcparam,
    a.version AS defver,
    a.source AS defsrc,
    CASE WHEN a.verified THEN 'Y' ELSE 'N' END AS defvrfl
FROM answered AS a
JOIN core.subject AS p ON p.usubjid = a.usubjid
JOIN study.visit AS v ON v.avisit = a.avisit
