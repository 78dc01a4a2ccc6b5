-- The history of every allocation: one row for each interval in which one version of it counted.
-- The interval reaches from the delivery that made the version count up to the one that ended that; see core.validity.
-- Where the version was merely repeated, delivery, row and line are those of its last repetition.
SELECT
    s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
    r.site_id,
    r.subject_id,
    r.arm,
    r.randomised_on,
    r.stratum,
    r.second_arm,
    r.second_randomised_on,
    r.delivery_id,
    r.row_no,
    r.line_no,
    r.record_key,
    v.valid_from_seq,
    v.valid_to_seq,
    v.valid_from,
    v.valid_to
FROM input.allocation AS r
JOIN core.validity AS v
    ON v.feed = 'allocation' AND v.delivery_id = r.delivery_id AND v.record_key = r.record_key
CROSS JOIN study.setting AS s
