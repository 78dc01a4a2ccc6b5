-- Adverse events (ADaM OCCDS): one row an event of a person of adsl, numbered by onset, report and the site's number.
-- Treatment-emergent: began on or after the treatment start. What sites write freely (the term, an outcome that is
-- none of CDISC's) is not published.
WITH event AS (
    SELECT
        p.usubjid, p.study_id, p.site_id, p.subject_id, p.treatment_start, p.reference_on,
        a.ae_id, a.onset_date, a.ended_on, a.reported_on, a.serious, a.severity, a.related,
        upper(trim(a.outcome)) AS outcome,
        row_number() OVER (
            PARTITION BY p.usubjid
            ORDER BY a.onset_date NULLS LAST, a.reported_on NULLS LAST, a.ae_id
        ) AS aeseq
    FROM core.adverse_events AS a
    JOIN core.subject AS p ON p.usubjid = a.usubjid
)
SELECT
    e.usubjid,
    e.aeseq,
    e.study_id AS studyid,
    e.site_id AS siteid,
    e.subject_id AS subjid,
    e.ae_id AS aespid,
    e.onset_date AS astdt,
    e.ended_on AS aendt,
    e.onset_date - e.reference_on + CASE WHEN e.onset_date >= e.reference_on THEN 1 ELSE 0 END AS astdy,
    e.ended_on - e.reference_on + CASE WHEN e.ended_on >= e.reference_on THEN 1 ELSE 0 END AS aendy,
    e.serious AS aeser,
    CASE WHEN e.severity = 1 THEN 'MILD' WHEN e.severity = 2 THEN 'MODERATE' WHEN e.severity >= 3 THEN 'SEVERE' END
        AS aesev,
    e.severity AS aetoxgrn,
    e.related AS aerel,
    CASE
        WHEN e.outcome IN ('RECOVERED/RESOLVED', 'RECOVERED', 'RESOLVED') THEN 'RECOVERED/RESOLVED'
        WHEN e.outcome IN ('RECOVERING/RESOLVING', 'RECOVERING', 'RESOLVING') THEN 'RECOVERING/RESOLVING'
        WHEN e.outcome IN ('NOT RECOVERED/NOT RESOLVED', 'NOT RECOVERED', 'NOT RESOLVED')
            THEN 'NOT RECOVERED/NOT RESOLVED'
        WHEN e.outcome IN (
            'RECOVERED/RESOLVED WITH SEQUELAE', 'RECOVERED WITH SEQUELAE', 'RESOLVED WITH SEQUELAE'
        ) THEN 'RECOVERED/RESOLVED WITH SEQUELAE'
        WHEN e.outcome IN ('FATAL', 'DEATH', 'DIED') THEN 'FATAL'
        WHEN e.outcome = 'UNKNOWN' THEN 'UNKNOWN'
        WHEN e.outcome <> '' THEN 'OTHER'
    END AS aeout,
    CASE WHEN e.onset_date >= e.treatment_start THEN 'Y' END AS trtemfl,
    e.reported_on AS aerptdt,
    e.reported_on - e.onset_date AS aerptdly,
    ep.epoch_no AS aperiod
FROM event AS e
LEFT JOIN core.epoch AS ep
    ON ep.usubjid = e.usubjid
    AND e.onset_date >= ep.start_on AND (ep.next_start_on IS NULL OR e.onset_date < ep.next_start_on)
