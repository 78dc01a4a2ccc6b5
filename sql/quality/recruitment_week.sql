-- Recruitment over time, all sites together: one row a week (by its Monday) from the first opening to today.
-- n_target: the planned number at the week's end, or today, where the study file plans months and every site a target.
WITH entered AS (
    SELECT
        CAST(date_trunc('week', CASE WHEN s.has_allocation THEN p.randomised_on ELSE p.consent_date END) AS DATE) AS week,
        count(*) AS n_randomised
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    WHERE
        CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END
        AND CASE WHEN s.has_allocation THEN p.randomised_on ELSE p.consent_date END <= s.as_of
    GROUP BY week
),
span AS (
    SELECT
        CAST(unnest(generate_series(date_trunc('week', r.opened_on), CAST(s.as_of AS TIMESTAMP), INTERVAL 7 DAY)) AS DATE)
            AS week
    FROM quality.recruitment AS r
    CROSS JOIN study.setting AS s
    WHERE r.site_id = ''
),
target AS (
    SELECT
        w.week,
        sum(CAST(site.target * least(
            greatest(least(w.week + 6, s.as_of) - r.opened_on, 0) / (30.4375 * plan.months), 1
        ) AS DECIMAL(18, 6))) AS n_target
    FROM span AS w
    CROSS JOIN study.setting AS s
    JOIN study.recruitment_plan AS plan ON plan.months IS NOT NULL
    JOIN study.site AS site ON site.target IS NOT NULL
    JOIN quality.recruitment AS r ON r.site_id = site.site_id
    GROUP BY w.week
)
SELECT
    w.week,
    coalesce(e.n_randomised, 0) AS n_randomised,
    CAST(sum(coalesce(e.n_randomised, 0)) OVER (ORDER BY w.week) AS BIGINT) AS n_cumulative,
    CAST(t.n_target AS DOUBLE) AS n_target
FROM span AS w
LEFT JOIN entered AS e ON e.week = w.week
LEFT JOIN target AS t ON t.week = w.week
