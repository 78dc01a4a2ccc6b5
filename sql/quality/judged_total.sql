-- Totals that a site sends beside the items, against our own score: one row a form, parameter and interval in which
-- neither the total nor an item changed. The rule applies while every item of the score is answered with a number: how
-- a site's total treats a missing item is not known.
-- Record key: person, instrument, visit, date and parameter.
WITH summing AS (
    SELECT DISTINCT q.site_id, q.instrument
    FROM core.questionnaires_history AS q
    JOIN study.score AS s ON s.instrument = q.instrument AND s.paramcd = q.item
),
said AS (
    SELECT
        q.site_id, q.subject_id, q.instrument, q.visit, q.completed_on, q.completed_at, q.item, q.value,
        q.valid_from, q.valid_to, d.sequence,
        concat_ws(
            chr(31), q.site_id, q.subject_id, q.instrument, coalesce(trim(q.visit), ''), CAST(q.completed_on AS VARCHAR),
            coalesce(CAST(q.completed_at AS VARCHAR), '')
        ) AS form
    FROM core.questionnaires_history AS q
    JOIN core.counted_delivery AS d ON d.delivery_id = q.delivery_id
    SEMI JOIN summing AS s ON s.site_id = q.site_id AND s.instrument = q.instrument
    WHERE q.value IS NOT NULL
),
total AS (
    SELECT t.*, s.paramcd, s.n_items
    FROM said AS t
    JOIN study.score AS s ON s.instrument = t.instrument AND s.paramcd = t.item AND s.method = 'sum'
),
summed AS (
    SELECT DISTINCT form, paramcd FROM total
),
answer AS (
    SELECT
        a.form, t.paramcd, a.item, a.valid_from, a.valid_to, a.sequence,
        CASE WHEN i.reversed THEN i.minimum + i.maximum - CAST(a.value AS BIGINT) ELSE CAST(a.value AS BIGINT) END AS points
    FROM said AS a
    JOIN summed AS t ON t.form = a.form
    JOIN study.score_item AS i ON i.paramcd = t.paramcd AND i.instrument = a.instrument AND i.item = a.item
    WHERE a.value <> 'NA'
),
moment AS (
    SELECT form, paramcd, valid_from FROM total
    UNION
    SELECT form, paramcd, valid_to AS valid_from FROM total WHERE valid_to IS NOT NULL
    UNION
    SELECT form, paramcd, valid_from FROM answer
    UNION
    SELECT form, paramcd, valid_to AS valid_from FROM answer WHERE valid_to IS NOT NULL
),
spell AS (
    SELECT *, lead(valid_from) OVER (PARTITION BY form, paramcd ORDER BY valid_from) AS valid_to
    FROM moment
),
compared AS (
    SELECT
        p.form, p.paramcd, p.valid_from, p.valid_to, t.site_id, t.subject_id, t.instrument, t.completed_on, t.value,
        sum(a.points) AS points,
        greatest(t.sequence, max(a.sequence)) AS sequence
    FROM spell AS p
    JOIN total AS t
        ON t.form = p.form AND t.paramcd = p.paramcd
        AND t.valid_from <= p.valid_from AND coalesce(t.valid_to > p.valid_from, TRUE)
    JOIN answer AS a
        ON a.form = p.form AND a.paramcd = p.paramcd
        AND a.valid_from <= p.valid_from AND coalesce(a.valid_to > p.valid_from, TRUE)
    GROUP BY
        p.form, p.paramcd, p.valid_from, p.valid_to, t.site_id, t.subject_id, t.instrument, t.completed_on, t.value,
        t.sequence, t.n_items
    HAVING count(*) = t.n_items
),
placed AS (
    SELECT
        concat_ws(
            chr(31), f.site_id, f.subject_id, f.instrument, coalesce(f.label, ''), CAST(f.completed_on AS VARCHAR),
            coalesce(CAST(f.completed_at AS VARCHAR), '')
        ) AS form,
        max(coalesce(f.label_avisit, CASE WHEN f.weekly THEN s.weekly_label END, '')) AS visit,
        bool_or(f.one_arm) AS one_arm
    FROM core.form_spell AS f
    CROSS JOIN study.setting AS s
    GROUP BY ALL
)
SELECT
    'total_disagrees' AS rule,
    c.site_id,
    c.subject_id,
    concat_ws('|', c.subject_id, c.instrument, p.visit, CAST(c.completed_on AS VARCHAR), c.paramcd) AS record_key,
    c.valid_from AS known_from,
    c.valid_to AS known_to,
    CAST(c.value AS BIGINT) <> c.points AS broken,
    concat_ws(' ', c.value, CAST(c.points AS VARCHAR)) AS value,
    c.sequence,
    p.one_arm
FROM compared AS c
JOIN placed AS p ON p.form = c.form
