-- Subject-level analysis data set (ADaM ADSL): one row a person whom a site screened, screen failures too.
WITH membership AS (
    SELECT
        usubjid,
        bool_or(belongs) FILTER (WHERE population = 'ITT') AS itt,
        bool_or(belongs) FILTER (WHERE population = 'MITT') AS mitt,
        bool_or(belongs) FILTER (WHERE population = 'PPROT') AS pprot,
        bool_or(belongs) FILTER (WHERE population = 'SAF') AS saf
    FROM outcome.population
    GROUP BY usubjid
)
SELECT
    p.usubjid,
    p.study_id AS studyid,
    p.subject_id AS subjid,
    p.site_id AS siteid,
    p.centre,
    p.language,
    p.age,
    p.sex,
    p.consent_date AS rficdt,
    p.randomised_on AS randdt,
    p.arm,
    p.arm_label AS trt01p,
    p.treatment_start AS trtsdt,
    p.treatment_end AS trtedt,
    p.study_status AS eosstt,
    p.study_end AS eosdt,
    p.discontinuation_reason AS dcsreas,
    CASE WHEN p.enrolled THEN 'Y' ELSE 'N' END AS enrlfl,
    CASE WHEN m.itt THEN 'Y' ELSE 'N' END AS ittfl,
    CASE WHEN m.mitt THEN 'Y' ELSE 'N' END AS mittfl,
    CASE WHEN m.pprot THEN 'Y' ELSE 'N' END AS pprotfl,
    CASE WHEN m.saf THEN 'Y' ELSE 'N' END AS saffl,
    e.arm_label AS trt02p,
    e.start_on AS ap02sdt
FROM core.subject AS p
LEFT JOIN core.epoch AS e ON e.usubjid = p.usubjid AND e.epoch_no = 2
LEFT JOIN membership AS m ON m.usubjid = p.usubjid
