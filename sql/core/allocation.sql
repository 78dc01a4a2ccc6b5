-- Every allocation, as delivered last: one row a randomised person.
-- The versions that still count of core.allocation_history.
SELECT
    usubjid,
    site_id,
    subject_id,
    arm,
    randomised_on,
    stratum,
    second_arm,
    second_randomised_on,
    delivery_id,
    row_no,
    line_no,
    record_key
FROM core.allocation_history
WHERE valid_to_seq IS NULL
