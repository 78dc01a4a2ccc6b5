-- Every person whom a site screened, as delivered last: one row a person.
SELECT
    s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
    r.site_id,
    r.subject_id,
    r.centre,
    r.language,
    r.consent_date,
    r.birth_year,
    r.sex,
    r.status,
    r.status_date,
    r.status_reason,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key
FROM input.participants AS r
CROSS JOIN study.setting AS s
ANTI JOIN core.superseded AS old
    ON old.feed = 'participants' AND old.site_id = r.site_id
    AND old.record_key = r.record_key AND old.delivery_id = r.delivery_id
