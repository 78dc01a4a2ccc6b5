-- Questionnaire scores (ADaM BDS): one row a form and parameter with at least one answer.
-- Thresholds (reliable change, caseness, response, remission) are the study file's named definitions;
-- where it has none the flag is NULL.
SELECT
    r.usubjid,
    r.paramcd,
    r.aseq,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    r.avisit,
    f.completed_on AS adt,
    f.completed_at AS adtm,
    f.visit,
    f.source AS srcform,
    s.param,
    s.instrument AS parcat1,
    r.avisitn,
    r.study_day AS ady,
    r.target_day AS awtarget,
    r.target_difference AS awtdiff,
    r.score AS aval,
    b.score AS base,
    c.chg,
    c.pchg,
    CASE WHEN r.aseq = b.aseq THEN 'Y' END AS ablfl,
    CASE WHEN chosen.aseq IS NOT NULL THEN 'Y' END AS anl01fl,
    r.n_items AS nitem,
    r.n_missing AS nmiss,
    r.derivation AS dtype,
    CASE
        WHEN o.reliable_change IS NULL OR c.chg IS NULL THEN NULL
        WHEN c.worsening <= -o.reliable_change THEN 'IMPROVED'
        WHEN c.worsening >= o.reliable_change THEN 'DETERIORATED'
        ELSE 'NONE'
    END AS relchgfl,
    CASE
        WHEN s.direction = 'higher_is_worse' AND round(r.score, 9) >= o.caseness THEN 'Y'
        WHEN s.direction = 'higher_is_better' AND round(r.score, 9) <= o.caseness THEN 'Y'
    END AS casefl,
    CASE WHEN c.improvement_percent >= o.response THEN 'Y' END AS respfl,
    CASE
        WHEN c.chg IS NULL THEN NULL
        WHEN s.direction = 'higher_is_worse' AND round(r.score, 9) <= o.remission THEN 'Y'
        WHEN s.direction = 'higher_is_better' AND round(r.score, 9) >= o.remission THEN 'Y'
    END AS remisfl
FROM outcome.record AS r
JOIN outcome.form AS f ON f.form_no = r.form_no
JOIN core.subject AS p ON p.usubjid = r.usubjid
JOIN study.score AS s ON s.paramcd = r.paramcd
LEFT JOIN study.outcome_definition AS o ON o.paramcd = r.paramcd
LEFT JOIN outcome.baseline AS b ON b.usubjid = r.usubjid AND b.paramcd = r.paramcd
LEFT JOIN outcome.change AS c
    ON c.usubjid = r.usubjid AND c.paramcd = r.paramcd AND c.aseq = r.aseq
LEFT JOIN outcome.chosen AS chosen
    ON chosen.usubjid = r.usubjid AND chosen.paramcd = r.paramcd AND chosen.aseq = r.aseq
