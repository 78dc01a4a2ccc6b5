-- Every contact that a therapist logged, as delivered last: one row a contact.
SELECT
    s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
    r.site_id,
    r.contact_id,
    r.subject_id,
    r.occurred_at,
    r.occurred_on,
    r.clock_note,
    r.kind,
    r.direction,
    r.minutes,
    r.therapist_id,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key
FROM input.contacts AS r
CROSS JOIN study.setting AS s
ANTI JOIN core.superseded AS old
    ON old.feed = 'contacts' AND old.site_id = r.site_id
    AND old.record_key = r.record_key AND old.delivery_id = r.delivery_id
