-- Every allocation, as delivered last: one row a randomised person.
SELECT
    s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
    r.site_id,
    r.subject_id,
    r.arm,
    r.randomised_on,
    r.stratum,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key
FROM input.allocation AS r
CROSS JOIN study.setting AS s
ANTI JOIN core.superseded AS old
    ON old.feed = 'allocation' AND old.site_id = r.site_id
    AND old.record_key = r.record_key AND old.delivery_id = r.delivery_id
