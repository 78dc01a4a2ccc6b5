-- Every person whom a site screened, as delivered last: one row a person.
-- The versions that still count of core.participants_history.
SELECT
    usubjid,
    site_id,
    subject_id,
    centre,
    language,
    consent_date,
    birth_year,
    sex,
    status,
    status_date,
    status_reason,
    delivery_id,
    row_no,
    line_no,
    record_key
FROM core.participants_history
WHERE valid_to_seq IS NULL
