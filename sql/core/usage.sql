-- Every event of the programme's log, as delivered last: one row an event.
-- A view, because the log is large; its record key is the event's own number.
--
-- What counts are the rows of standing deliveries but for older versions of a key,
-- and versions from before that are upheld because the newer one is in quarantine.
WITH current_row AS (
    SELECT r.*
    FROM input.usage AS r
    SEMI JOIN core.counted_delivery AS d ON d.delivery_id = r.delivery_id AND d.replaced_by_seq IS NULL
    ANTI JOIN core.contested AS older
        ON older.delivery_id = r.delivery_id AND older.row_no = r.row_no AND NOT older.counts
    UNION ALL
    SELECT r.*
    FROM input.usage AS r
    SEMI JOIN core.contested AS upheld
        ON upheld.delivery_id = r.delivery_id AND upheld.row_no = r.row_no AND upheld.counts AND NOT upheld.standing
)
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
    r.record_key
FROM current_row AS r
CROSS JOIN study.setting AS s
