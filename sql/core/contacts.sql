-- Every contact that a therapist logged, as delivered last: one row a contact.
-- The versions that still count of core.contacts_history.
SELECT
    usubjid,
    site_id,
    contact_id,
    subject_id,
    occurred_at,
    occurred_on,
    clock_note,
    kind,
    direction,
    minutes,
    therapist_id,
    delivery_id,
    row_no,
    line_no,
    record_key
FROM core.contacts_history
WHERE valid_to_seq IS NULL
