-- How long due forms take from the close of their visit's window to their first arrival: one row a site ('' = all sites
-- together) and number of days. Forms not here yet are censored on the as-of day; `received_share` is 1 - Kaplan-Meier,
-- `ecdf` counts only what has come. What came before the window closed took 0 days. Only visits that all arms have.
WITH first_come AS (
    SELECT usubjid, instrument, completed_on, min(received_on) AS received_on
    FROM quality.scoped_form
    WHERE source = 'visit'
    GROUP BY usubjid, instrument, completed_on
),
due AS (
    SELECT p.site_id, greatest(coalesce(r.received_on, s.as_of) - f.due_on, 0) AS lag_days, f.received
    FROM quality.person_form AS f
    JOIN core.subject AS p ON p.usubjid = f.usubjid
    JOIN study.visit AS v ON v.avisit = f.avisit AND v.shared_by_all_arms
    CROSS JOIN study.setting AS s
    LEFT JOIN first_come AS r
        ON f.received AND r.usubjid = f.usubjid AND r.instrument = f.instrument AND r.completed_on = f.completed_on
    WHERE f.due_on < s.as_of AND (f.received OR f.overdue)
),
everywhere AS (
    SELECT site_id, lag_days, received FROM due
    UNION ALL
    SELECT '' AS site_id, lag_days, received FROM due
),
counted AS (
    SELECT
        site_id, lag_days,
        count(*) FILTER (WHERE received) AS n_received,
        count(*) FILTER (WHERE NOT received) AS n_censored
    FROM everywhere
    GROUP BY site_id, lag_days
),
at_risk AS (
    SELECT
        *,
        CAST(sum(n_received + n_censored) OVER (
            PARTITION BY site_id ORDER BY lag_days ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
        ) AS BIGINT) AS n_at_risk,
        sum(n_received) OVER (PARTITION BY site_id ORDER BY lag_days) AS n_so_far,
        sum(n_received) OVER (PARTITION BY site_id) AS n_in_all
    FROM counted
)
SELECT
    site_id,
    CAST(lag_days AS BIGINT) AS lag_days,
    n_at_risk,
    n_received,
    n_censored,
    CAST(n_so_far AS DOUBLE) / nullif(n_in_all, 0) AS ecdf,
    round(1 - product(CAST(n_at_risk - n_received AS DOUBLE) / n_at_risk) OVER (
        PARTITION BY site_id ORDER BY lag_days ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ), 12) AS received_share
FROM at_risk
