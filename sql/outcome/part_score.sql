-- Parts of scores: one row a form and part (items that are summed together) of a parameter of which the form
-- answers at least one item.
--
-- A reversed item counts minimum + maximum - answer. A part has points when an item of it is answered with a
-- number and no more items are missing than the instrument allows. Then a missing item, and likewise one that does
-- not apply (NA), counts as the instrument says: as the mean of the answered items of its part, not rounded
-- (WSAS without item 1: the other four x 5/4), or as its lowest answer.
WITH counted AS (
    SELECT
        a.form_no, i.paramcd, i.part,
        count(a.answer) AS n_valued,
        count(*) FILTER (WHERE a.not_applicable) AS n_not_applicable,
        sum(CASE WHEN i.reversed THEN i.minimum + i.maximum - a.answer ELSE a.answer END) AS points,
        sum(i.minimum) AS lowest,
        coalesce(sum(i.minimum) FILTER (WHERE a.not_applicable), 0) AS lowest_not_applicable
    FROM outcome.answer AS a
    JOIN study.score_item AS i ON i.instrument = a.instrument AND i.item = a.item
    GROUP BY a.form_no, i.paramcd, i.part
),
-- A part of which the form answers nothing is missing whole, as long as another part is answered.
expected AS (
    SELECT
        c.form_no, p.paramcd, p.part, p.n_items, p.missing_allowed,
        p.missing_count_as = 'mean' AS missing_is_mean,
        p.not_applicable_count_as = 'mean' AS not_applicable_is_mean,
        p.lowest
    FROM (SELECT DISTINCT form_no, paramcd FROM counted) AS c
    JOIN study.score_part AS p ON p.paramcd = c.paramcd
),
filled AS (
    SELECT
        e.form_no, e.paramcd, e.part, e.n_items, e.missing_allowed,
        e.n_items - coalesce(c.n_valued, 0) - coalesce(c.n_not_applicable, 0) AS n_missing,
        c.n_valued,
        c.points,
        -- how many items count, answered or as the mean
        c.n_valued
            + CASE WHEN e.missing_is_mean THEN e.n_items - c.n_valued - c.n_not_applicable ELSE 0 END
            + CASE WHEN e.not_applicable_is_mean THEN c.n_not_applicable ELSE 0 END AS n_counted,
        CASE WHEN e.missing_is_mean THEN 0 ELSE e.lowest - c.lowest END
            + CASE WHEN e.not_applicable_is_mean THEN 0 ELSE c.lowest_not_applicable END AS as_lowest
    FROM expected AS e
    LEFT JOIN counted AS c
        ON c.form_no = e.form_no AND c.paramcd = e.paramcd AND c.part = e.part
)
SELECT
    form_no,
    paramcd,
    part,
    n_items,
    n_missing,
    CASE
        WHEN n_missing <= missing_allowed AND n_valued > 0
            THEN CAST(points * n_counted AS DOUBLE) / n_valued + as_lowest
    END AS points
FROM filled
