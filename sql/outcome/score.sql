-- Scores: one row a form and parameter. A score is the sum of its parts and missing when any part is.
WITH summed AS (
    SELECT
        form_no, paramcd,
        sum(n_items) AS n_items,
        sum(n_missing) AS n_missing,
        CASE WHEN count(points) = count(*) THEN sum(points ORDER BY part) END AS score
    FROM outcome.part_score
    GROUP BY form_no, paramcd
)
SELECT
    form_no,
    paramcd,
    score,
    CAST(n_items AS BIGINT) AS n_items,
    CAST(n_missing AS BIGINT) AS n_missing,
    CASE WHEN score IS NOT NULL AND n_missing > 0 THEN 'PRORATED' END AS derivation
FROM summed
