-- The record that stands for a visit: one row a person, parameter and visit. It is the value nearest to
-- the target date, of equally near ones the earlier; at BASELINE it is the baseline record.
-- `reason` says which rule decided; WEEKLY before it, that a form of the programme fills the visit.
WITH candidate AS (
    SELECT
        r.usubjid,
        r.paramcd,
        r.avisit,
        r.aseq,
        r.source,
        r.ordered_by,
        b.aseq IS NOT NULL AS is_baseline,
        abs(r.target_difference) AS distance
    FROM outcome.record AS r
    LEFT JOIN outcome.baseline AS b
        ON b.usubjid = r.usubjid AND b.paramcd = r.paramcd AND b.epoch_no = r.epoch_no AND b.aseq = r.aseq
    WHERE r.avisit NOT IN ('SCREENING', 'UNSCHEDULED') AND r.score IS NOT NULL
),
ranked AS (
    SELECT
        *,
        row_number() OVER visit_values AS place,
        lead(aseq) OVER visit_values AS next_aseq,
        lead(distance) OVER visit_values AS next_distance,
        lead(ordered_by) OVER visit_values AS next_ordered_by
    FROM candidate
    WINDOW visit_values AS (
        PARTITION BY usubjid, paramcd, avisit
        ORDER BY NOT is_baseline, distance, ordered_by, aseq
    )
)
SELECT
    usubjid,
    paramcd,
    avisit,
    aseq,
    CASE WHEN source = 'weekly' THEN 'WEEKLY, ' ELSE '' END
        || CASE
            WHEN is_baseline THEN 'LAST BEFORE START'
            WHEN next_aseq IS NULL THEN 'ONLY VALUE'
            WHEN distance < next_distance THEN 'NEAREST'
            WHEN ordered_by < next_ordered_by THEN 'EARLIER'
            ELSE 'FIRST DELIVERED'
        END AS reason
FROM ranked
WHERE place = 1
