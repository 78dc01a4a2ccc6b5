-- Every intercurrent event that a site recorded, as delivered last: one row an event.
-- The versions that still count of core.intercurrent_events_history.
SELECT
    usubjid,
    site_id,
    ice_id,
    subject_id,
    kind,
    started_on,
    ended_on,
    reason,
    delivery_id,
    row_no,
    line_no,
    record_key
FROM core.intercurrent_events_history
WHERE valid_to_seq IS NULL
