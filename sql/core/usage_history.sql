-- The history of every event of the log whose record ever changed: one row for each interval in which one version of it counted.
-- Of the log, which is large, only events whose record was ever corrected, withdrawn or restored.
-- The interval reaches from the delivery that made the version count up to the one that ended that; see core.validity.
-- Where the version was merely repeated, delivery, row and line are those of its last repetition.
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
    r.device,
    r.stored_at,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key,
    v.valid_from_seq,
    v.valid_to_seq,
    v.valid_from,
    v.valid_to
FROM input.usage AS r
JOIN core.validity AS v
    ON v.feed = 'usage' AND v.delivery_id = r.delivery_id AND v.record_key = r.record_key
CROSS JOIN study.setting AS s
