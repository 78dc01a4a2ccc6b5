-- Every answer, as delivered last: one row an item of a form.
-- The versions that still count of core.questionnaires_history.
SELECT
    usubjid,
    site_id,
    subject_id,
    instrument,
    visit,
    completed_at,
    completed_on,
    clock_note,
    item,
    value,
    source_column,
    missing_reason,
    delivery_id,
    row_no,
    line_no,
    record_key
FROM core.questionnaires_history
WHERE valid_to_seq IS NULL
