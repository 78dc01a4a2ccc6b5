-- Every event of the programme's log, as delivered last: one row an event.
-- A view, because the log is large; its record key is the event's own number.
SELECT
    s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
    r.site_id,
    r.event_id,
    r.subject_id,
    r.occurred_at,
    r.occurred_on,
    r.clock_note,
    r.actor,
    r.event,
    r.module,
    r.duration_s,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key
FROM input.usage AS r
CROSS JOIN study.setting AS s
ANTI JOIN core.superseded AS old
    ON old.feed = 'usage' AND old.site_id = r.site_id
    AND old.record_key = r.event_id AND old.delivery_id = r.delivery_id
