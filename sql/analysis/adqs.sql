-- Questionnaire scores (ADaM BDS): one row a form and parameter with at least one answer.
-- Thresholds (reliable change, caseness, response, remission) are those of the study file's named definitions that
-- hold at the site; where it has none the flag is NULL. Where people wait first and are treated later, base and
-- change are those of the record's own epoch (aperiod).
WITH later AS (
    SELECT usubjid, paramcd, aseq, max(epoch_no) AS epoch_no
    FROM outcome.baseline
    WHERE epoch_no > 1
    GROUP BY usubjid, paramcd, aseq
)
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
    CASE WHEN first_baseline.aseq IS NOT NULL THEN 'Y' END AS ablfl,
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
    END AS remisfl,
    chosen.reason AS anl01rsn,
    e.epoch AS aphase,
    r.epoch_no AS aperiod,
    r.epoch_day AS aperady,
    later.epoch_no AS ablper,
    sc.score_text AS avalc,
    band.label AS avalca1
FROM outcome.record AS r
JOIN outcome.score AS sc ON sc.form_no = r.form_no AND sc.paramcd = r.paramcd
JOIN outcome.form AS f ON f.form_no = r.form_no
JOIN core.subject AS p ON p.usubjid = r.usubjid
JOIN study.score AS s ON s.paramcd = r.paramcd
LEFT JOIN core.epoch AS e ON e.usubjid = r.usubjid AND e.epoch_no = r.epoch_no
LEFT JOIN study.outcome_definition AS o ON o.site_id = p.site_id AND o.paramcd = r.paramcd
LEFT JOIN outcome.baseline AS b
    ON b.usubjid = r.usubjid AND b.paramcd = r.paramcd AND b.epoch_no = r.epoch_no
LEFT JOIN outcome.baseline AS first_baseline
    ON first_baseline.usubjid = r.usubjid AND first_baseline.paramcd = r.paramcd AND first_baseline.aseq = r.aseq
    AND first_baseline.epoch_no = 1
LEFT JOIN later
    ON later.usubjid = r.usubjid AND later.paramcd = r.paramcd AND later.aseq = r.aseq
LEFT JOIN outcome.change AS c
    ON c.usubjid = r.usubjid AND c.paramcd = r.paramcd AND c.aseq = r.aseq
LEFT JOIN study.score_band AS band
    ON band.paramcd = r.paramcd AND round(r.score, 9) >= band.begins
    AND round(r.score, 9) < coalesce(band.ends, CAST('infinity' AS DOUBLE))
LEFT JOIN outcome.chosen AS chosen
    ON chosen.usubjid = r.usubjid AND chosen.paramcd = r.paramcd AND chosen.aseq = r.aseq
