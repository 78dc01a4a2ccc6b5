-- Every answer, as delivered last: one row an item of a form.
SELECT
    s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
    r.site_id,
    r.subject_id,
    r.instrument,
    r.visit,
    r.completed_at,
    r.completed_on,
    r.clock_note,
    r.item,
    r.value,
    r.source_column,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key
FROM input.questionnaires AS r
CROSS JOIN study.setting AS s
ANTI JOIN core.superseded AS old
    ON old.feed = 'questionnaires' AND old.site_id = r.site_id
    AND old.record_key = r.record_key AND old.delivery_id = r.delivery_id
