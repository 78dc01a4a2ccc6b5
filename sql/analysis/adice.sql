-- Intercurrent events (ADaM OCCDS, ICH E9(R1)): one row a person, kind and first day.
-- Which estimand strategy an event calls for is the analysis's own choice; here it is told, from whom, and when.
SELECT
    e.usubjid,
    e.event_no AS iceseq,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    e.kind AS icecat,
    e.started_on AS astdt,
    e.ended_on AS aendt,
    e.started_on - p.reference_on + CASE WHEN e.started_on >= p.reference_on THEN 1 ELSE 0 END AS astdy,
    e.ended_on - p.reference_on + CASE WHEN e.ended_on >= p.reference_on THEN 1 ELSE 0 END AS aendy,
    e.reason AS icereas,
    e.source AS icesrc,
    e.source_key AS icesrcid
FROM outcome.intercurrent_event AS e
JOIN core.subject AS p ON p.usubjid = e.usubjid
