-- What was known of each person, and when: one row a site, number and interval, without gaps. Every number is
-- here that any feed ever named; that nobody has entered it in the participants' file is `listed` = FALSE.
-- valid_from NULL: from the beginning; valid_to NULL: still so. later_start_on and later_arm are of the first later epoch
-- of the person's arm: known from the second allocation as it stood then, or reckoned as in core.epoch.
WITH named AS (
    SELECT site_id, subject_id FROM core.participants_history
    UNION
    SELECT site_id, subject_id FROM core.allocation_history
    UNION
    SELECT site_id, subject_id FROM core.questionnaires_history
    UNION
    SELECT site_id, subject_id FROM core.contacts_history WHERE subject_id IS NOT NULL
    UNION
    SELECT site_id, subject_id FROM core.adverse_events_history WHERE subject_id IS NOT NULL
    UNION
    SELECT site_id, subject_id FROM core.intercurrent_events_history WHERE subject_id IS NOT NULL
    UNION
    SELECT site_id, subject_id FROM core.usage_span WHERE subject_id IS NOT NULL
),
version AS (
    SELECT site_id, subject_id, valid_from, valid_to FROM core.participants_history
    UNION ALL
    SELECT site_id, subject_id, valid_from, valid_to FROM core.allocation_history
),
moment AS (
    SELECT site_id, subject_id, CAST(NULL AS TIMESTAMPTZ) AS valid_from FROM named
    UNION
    SELECT site_id, subject_id, valid_from FROM version
    UNION
    SELECT site_id, subject_id, valid_to AS valid_from FROM version WHERE valid_to IS NOT NULL
),
spell AS (
    SELECT
        site_id, subject_id, valid_from,
        lead(valid_from) OVER (PARTITION BY site_id, subject_id ORDER BY valid_from NULLS FIRST) AS valid_to
    FROM moment
),
next_epoch AS (
    SELECT ea.arm, min(ea.epoch_no) AS epoch_no
    FROM study.epoch_arm AS ea
    GROUP BY ea.arm
)
SELECT
    t.site_id,
    t.subject_id,
    t.valid_from,
    t.valid_to,
    p.subject_id IS NOT NULL AS listed,
    p.consent_date,
    p.status,
    p.status_date,
    CASE WHEN p.status IN ('completed', 'withdrawn') THEN p.status_date END AS study_end,
    a.subject_id IS NOT NULL AS randomised,
    a.randomised_on,
    a.arm,
    CASE
        WHEN s.has_allocation AND a.subject_id IS NULL THEN NULL
        WHEN s.reference_date = 'randomisation' THEN a.randomised_on
        ELSE p.consent_date
    END AS reference_on,
    CASE
        WHEN e.starts = 'second_allocation' THEN a.second_randomised_on
        WHEN e.starts = 'weeks'
            THEN CASE WHEN s.reference_date = 'randomisation' THEN a.randomised_on ELSE p.consent_date END
                + CAST(7 * e.weeks AS INTEGER)
        ELSE begun.start_on
    END AS later_start_on,
    CASE WHEN e.starts = 'second_allocation' THEN a.second_arm ELSE e.arm END AS later_arm,
    dp.sequence AS participants_seq,
    da.sequence AS allocation_seq
FROM spell AS t
CROSS JOIN study.setting AS s
LEFT JOIN core.participants_history AS p
    ON p.site_id = t.site_id AND p.subject_id = t.subject_id
    AND p.valid_from <= t.valid_from AND coalesce(p.valid_to > t.valid_from, TRUE)
LEFT JOIN core.counted_delivery AS dp ON dp.delivery_id = p.delivery_id
LEFT JOIN core.allocation_history AS a
    ON a.site_id = t.site_id AND a.subject_id = t.subject_id
    AND a.valid_from <= t.valid_from AND coalesce(a.valid_to > t.valid_from, TRUE)
LEFT JOIN core.counted_delivery AS da ON da.delivery_id = a.delivery_id
LEFT JOIN next_epoch AS n ON n.arm = coalesce(a.arm, '')
LEFT JOIN study.epoch AS e ON e.epoch_no = n.epoch_no
LEFT JOIN core.epoch AS begun
    ON begun.usubjid = s.study_id || '-' || t.site_id || '-' || t.subject_id AND begun.epoch_no = n.epoch_no
