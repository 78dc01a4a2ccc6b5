-- When each form was there: one row a site, number, instrument, label, time and interval in which the form had an
-- answer. A form is what a person filled in at one time under one label; see outcome.answer.
WITH answered AS (
    SELECT
        q.site_id, q.subject_id, q.instrument, q.visit, q.completed_on, q.completed_at, q.valid_from, q.valid_to,
        max(d.sequence) AS sequence
    FROM core.questionnaires_history AS q
    JOIN core.counted_delivery AS d ON d.delivery_id = q.delivery_id
    JOIN study.item AS i ON i.instrument = q.instrument AND i.item = q.item
    WHERE q.value IS NOT NULL
    GROUP BY
        q.site_id, q.subject_id, q.instrument, q.visit, q.completed_on, q.completed_at, q.valid_from, q.valid_to
),
reached AS (
    SELECT
        *,
        max(coalesce(valid_to, CAST('infinity' AS TIMESTAMPTZ))) OVER (
            PARTITION BY site_id, subject_id, instrument, visit, completed_on, completed_at
            ORDER BY valid_from, valid_to NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS reaches
    FROM answered
),
numbered AS (
    SELECT
        *,
        sum(CASE WHEN reaches >= valid_from THEN 0 ELSE 1 END) OVER (
            PARTITION BY site_id, subject_id, instrument, visit, completed_on, completed_at
            ORDER BY valid_from, valid_to NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS interval_no
    FROM reached
)
SELECT
    n.site_id,
    n.subject_id,
    n.instrument,
    nullif(trim(n.visit), '') AS label,
    n.completed_on,
    n.completed_at,
    coalesce(upper(trim(n.visit)) = upper(trim(s.weekly_label)), FALSE) AS weekly,
    min(n.valid_from) AS valid_from,
    CASE WHEN count(n.valid_to) = count(*) THEN max(n.valid_to) END AS valid_to,
    max(n.sequence) AS sequence
FROM numbered AS n
CROSS JOIN study.setting AS s
GROUP BY
    n.site_id, n.subject_id, n.instrument, n.visit, n.completed_on, n.completed_at, n.interval_no, s.weekly_label
