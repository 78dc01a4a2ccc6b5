-- Parts of scores: one row a form and part (items that are summed and prorated together) of a parameter
-- of which the form answers at least one item.
--
-- A reversed item counts minimum + maximum - answer. When no more items are missing than the instrument
-- allows, the part is the mean of the answered items times the number of items, not rounded: missing
-- items take the part's own mean, and so do items that do not apply (WSAS item 1: the other four x 5/4).
WITH counted AS (
    SELECT
        a.form_no, i.paramcd, i.part,
        count(a.answer) AS n_valued,
        count(*) FILTER (WHERE a.not_applicable) AS n_not_applicable,
        sum(CASE WHEN i.reversed THEN i.minimum + i.maximum - a.answer ELSE a.answer END) AS points
    FROM outcome.answer AS a
    JOIN study.score_item AS i ON i.instrument = a.instrument AND i.item = a.item
    GROUP BY a.form_no, i.paramcd, i.part
),
-- A part of which the form answers nothing is missing whole, as long as another part is answered.
expected AS (
    SELECT DISTINCT c.form_no, p.paramcd, p.part, p.n_items, p.missing_allowed
    FROM counted AS c
    JOIN study.score_part AS p ON p.paramcd = c.paramcd
)
SELECT
    e.form_no,
    e.paramcd,
    e.part,
    e.n_items,
    e.n_items - coalesce(c.n_valued, 0) - coalesce(c.n_not_applicable, 0) AS n_missing,
    CASE
        WHEN e.n_items - c.n_valued - c.n_not_applicable <= e.missing_allowed AND c.n_valued > 0
            THEN CAST(c.points * e.n_items AS DOUBLE) / c.n_valued
    END AS points
FROM expected AS e
LEFT JOIN counted AS c
    ON c.form_no = e.form_no AND c.paramcd = e.paramcd AND c.part = e.part
