-- Scores: one row a form and parameter. A score is made of its parts and missing when any part is: their sum, or
-- (method mean) that sum by the number of items. It is rounded only where the instrument says so, and then from
-- nine decimals, so that a score that lies on a half is rounded as one.
WITH summed AS (
    SELECT
        form_no, paramcd,
        sum(n_items) AS n_items,
        sum(n_missing) AS n_missing,
        CASE WHEN count(points) = count(*) THEN sum(points ORDER BY part) END AS points
    FROM outcome.part_score
    GROUP BY form_no, paramcd
),
exact AS (
    SELECT
        m.form_no, m.paramcd, m.n_items, m.n_missing, s.rounding,
        CASE s.method WHEN 'sum' THEN m.points WHEN 'mean' THEN m.points / m.n_items END AS score,
        power(10, s.decimals) AS whole
    FROM summed AS m
    JOIN study.score AS s ON s.paramcd = m.paramcd
)
SELECT
    form_no,
    paramcd,
    CASE rounding
        WHEN 'none' THEN score
        WHEN 'half_up' THEN floor(round(score * whole, 9) + 0.5) / whole
        WHEN 'half_even' THEN round_even(round(score * whole, 9), 0) / whole
        WHEN 'up' THEN ceil(round(score * whole, 9)) / whole
        WHEN 'down' THEN floor(round(score * whole, 9)) / whole
    END AS score,
    CAST(n_items AS BIGINT) AS n_items,
    CAST(n_missing AS BIGINT) AS n_missing,
    CASE WHEN score IS NOT NULL AND n_missing > 0 THEN 'PRORATED' END AS derivation
FROM exact
