-- Scores: one row a form and parameter. A score is made of its parts and missing when any part is: their sum, or
-- (method mean) that sum by the number of items. It is rounded only where the instrument says so, and then from
-- nine decimals, so that a score that lies on a half is rounded as one. Of a profile there is the text alone,
-- `score_text`, or the value that the country's value set gives it.
WITH summed AS (
    SELECT
        p.form_no, p.paramcd,
        sum(p.n_items) AS n_items,
        sum(p.n_missing) AS n_missing,
        bool_or(p.n_missing > 0 AND rule.missing_count_as = 'mean') AS prorated,
        CASE WHEN count(p.points) = count(*) THEN sum(p.points ORDER BY p.part) END AS points
    FROM outcome.part_score AS p
    JOIN study.score_part AS rule ON rule.paramcd = p.paramcd AND rule.part = p.part
    GROUP BY p.form_no, p.paramcd
),
exact AS (
    SELECT
        m.form_no, m.paramcd, m.n_items, m.n_missing, m.prorated, s.rounding,
        power(10, s.decimals) AS whole,
        CASE s.method
            WHEN 'sum' THEN m.points
            WHEN 'mean' THEN m.points / m.n_items
            WHEN 'value_set' THEN p.value
        END AS score,
        CASE WHEN s.method = 'profile' THEN p.profile END AS score_text
    FROM summed AS m
    JOIN study.score AS s ON s.paramcd = m.paramcd
    LEFT JOIN outcome.profile AS p ON p.form_no = m.form_no AND p.paramcd = m.paramcd
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
    score_text,
    CAST(n_items AS BIGINT) AS n_items,
    CAST(n_missing AS BIGINT) AS n_missing,
    CASE
        WHEN score IS NULL OR n_missing = 0 THEN NULL
        WHEN prorated THEN 'PRORATED'
        ELSE 'LOWEST'
    END AS derivation
FROM exact
