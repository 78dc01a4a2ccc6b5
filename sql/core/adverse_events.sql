-- Every adverse event, as delivered last: one row an event.
SELECT
    s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
    r.site_id,
    r.ae_id,
    r.subject_id,
    r.onset_date,
    r.reported_on,
    r.term,
    r.serious,
    r.severity,
    r.related,
    r.outcome,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key
FROM input.adverse_events AS r
CROSS JOIN study.setting AS s
ANTI JOIN core.superseded AS old
    ON old.feed = 'adverse_events' AND old.site_id = r.site_id
    AND old.record_key = r.record_key AND old.delivery_id = r.delivery_id
