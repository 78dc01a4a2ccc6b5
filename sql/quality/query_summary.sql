-- Data queries that everybody may see, by age: one row a site, and one for all sites together (site_id '').
-- median_days: half of the queries are closed within so many days, by Kaplan-Meier with those still open censored; NULL
-- while fewer than half would be. An answered query is neither open nor closed, and is censored.
WITH query AS (
    SELECT site_id, status IN ('open', 'miscorrected') AS is_open, closed_on IS NOT NULL AS is_closed, age_days
    FROM quality.data_query
    WHERE blinding = 'safe'
    UNION ALL
    SELECT '' AS site_id, status IN ('open', 'miscorrected') AS is_open, closed_on IS NOT NULL AS is_closed, age_days
    FROM quality.data_query
    WHERE blinding = 'safe'
),
counted AS (
    SELECT
        site_id,
        count(*) AS n_queries,
        count(*) FILTER (WHERE is_closed) AS n_closed,
        count(*) FILTER (WHERE is_open) AS n_open,
        count(*) FILTER (WHERE is_open AND age_days <= 7) AS n_open_0_7,
        count(*) FILTER (WHERE is_open AND age_days BETWEEN 8 AND 14) AS n_open_8_14,
        count(*) FILTER (WHERE is_open AND age_days BETWEEN 15 AND 30) AS n_open_15_30,
        count(*) FILTER (WHERE is_open AND age_days BETWEEN 31 AND 60) AS n_open_31_60,
        count(*) FILTER (WHERE is_open AND age_days > 60) AS n_open_61
    FROM query
    GROUP BY site_id
),
aged AS (
    SELECT
        site_id, age_days,
        count(*) FILTER (WHERE is_closed) AS n_closed,
        sum(count(*)) OVER (
            PARTITION BY site_id ORDER BY age_days ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS n_at_risk
    FROM query
    GROUP BY site_id, age_days
),
surviving AS (
    SELECT
        site_id, age_days,
        round(product(CAST(n_at_risk - n_closed AS DOUBLE) / n_at_risk) OVER (
            PARTITION BY site_id ORDER BY age_days ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ), 12) AS share_open
    FROM aged
),
median AS (
    SELECT site_id, min(age_days) AS median_days FROM surviving WHERE share_open <= 0.5 GROUP BY site_id
),
site AS (
    SELECT site_id FROM study.site
    UNION ALL
    SELECT '' AS site_id
)
SELECT
    s.site_id,
    coalesce(c.n_open_0_7, 0) AS n_open_0_7,
    coalesce(c.n_open_8_14, 0) AS n_open_8_14,
    coalesce(c.n_open_15_30, 0) AS n_open_15_30,
    coalesce(c.n_open_31_60, 0) AS n_open_31_60,
    coalesce(c.n_open_61, 0) AS n_open_61,
    coalesce(c.n_open, 0) AS n_open,
    coalesce(c.n_queries, 0) AS n_queries,
    coalesce(c.n_closed, 0) AS n_closed,
    m.median_days
FROM site AS s
LEFT JOIN counted AS c ON c.site_id = s.site_id
LEFT JOIN median AS m ON m.site_id = s.site_id
