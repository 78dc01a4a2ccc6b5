-- Every adverse event, as delivered last: one row an event.
-- The versions that still count of core.adverse_events_history.
SELECT
    usubjid,
    site_id,
    ae_id,
    subject_id,
    onset_date,
    reported_on,
    term,
    serious,
    severity,
    related,
    outcome,
    ended_on,
    delivery_id,
    row_no,
    line_no,
    record_key
FROM core.adverse_events_history
WHERE valid_to_seq IS NULL
