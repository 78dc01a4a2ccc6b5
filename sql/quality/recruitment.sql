-- Recruitment: one row a site, and one for all sites together (site_id '').
--
-- A month is 30.4375 days. opened_on: as the study file says, else the first day on which anybody consented or was
-- screened there. Eligible: screened, and not a screening failure. The target to date grows evenly from the opening over
-- the planned months. Of the two rates per month one counts from the opening, one from the first randomisation.
WITH person AS (
    SELECT
        p.site_id, p.consent_date, p.study_status,
        CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END AS in_trial,
        CASE WHEN s.has_allocation THEN p.randomised_on ELSE p.consent_date END AS entered_on
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
),
counted AS (
    SELECT
        site_id,
        count(*) AS n_screened,
        count(*) FILTER (WHERE study_status IS DISTINCT FROM 'SCREEN FAILURE') AS n_eligible,
        count(consent_date) FILTER (WHERE study_status IS DISTINCT FROM 'SCREEN FAILURE') AS n_consented,
        count(*) FILTER (WHERE in_trial) AS n_randomised,
        min(least(consent_date, entered_on)) AS first_on,
        min(entered_on) FILTER (WHERE in_trial) AS first_randomised_on
    FROM person
    GROUP BY site_id
),
site AS (
    SELECT
        site.site_id, site.target, s.as_of, r.months AS planned_months,
        coalesce(site.opened_on, c.first_on) AS opened_on,
        c.first_randomised_on,
        least(s.as_of, coalesce(s.recruitment_closed_on, s.as_of)) AS counted_to,
        coalesce(c.n_screened, 0) AS n_screened,
        coalesce(c.n_eligible, 0) AS n_eligible,
        coalesce(c.n_consented, 0) AS n_consented,
        coalesce(c.n_randomised, 0) AS n_randomised
    FROM study.site AS site
    CROSS JOIN study.setting AS s
    LEFT JOIN study.recruitment_plan AS r ON TRUE
    LEFT JOIN counted AS c ON c.site_id = site.site_id
),
months AS (
    SELECT
        *,
        greatest(counted_to - opened_on, 0) / CAST(30.4375 AS DOUBLE) AS months_open,
        greatest(counted_to - first_randomised_on, 0) / CAST(30.4375 AS DOUBLE) AS months_since_first
    FROM site
),
targeted AS (
    SELECT
        *,
        CASE WHEN planned_months IS NOT NULL THEN target * least(months_open / planned_months, 1) END AS target_to_date
    FROM months
),
summed AS (
    SELECT
        '' AS site_id,
        min(opened_on) AS opened_on,
        sum(CAST(months_open AS DECIMAL(18, 6))) AS months_open,
        sum(CAST(months_since_first AS DECIMAL(18, 6))) AS months_since_first,
        sum(n_screened) AS n_screened,
        sum(n_eligible) AS n_eligible,
        sum(n_consented) AS n_consented,
        sum(n_randomised) AS n_randomised,
        sum(target) AS target,
        sum(CAST(target_to_date AS DECIMAL(18, 6))) AS target_to_date
    FROM targeted
    UNION ALL
    SELECT
        site_id, opened_on, months_open, months_since_first, n_screened, n_eligible, n_consented, n_randomised, target,
        target_to_date
    FROM targeted
)
SELECT
    site_id,
    opened_on,
    round(CAST(months_open AS DOUBLE), 6) AS months_open,
    round(CAST(months_since_first AS DOUBLE), 6) AS months_since_first,
    CAST(n_screened AS BIGINT) AS n_screened,
    CAST(n_eligible AS BIGINT) AS n_eligible,
    CAST(n_consented AS BIGINT) AS n_consented,
    CAST(n_randomised AS BIGINT) AS n_randomised,
    CAST(target AS BIGINT) AS target,
    round(CAST(target_to_date AS DOUBLE), 6) AS target_to_date,
    round(CAST(100 * n_randomised AS DOUBLE) / nullif(CAST(target_to_date AS DOUBLE), 0), 6) AS pct_of_target,
    round(CAST(100 * n_consented AS DOUBLE) / nullif(n_eligible, 0), 6) AS pct_consented,
    round(n_randomised / nullif(CAST(months_open AS DOUBLE), 0), 6) AS per_month_open,
    round(n_randomised / nullif(CAST(months_since_first AS DOUBLE), 0), 6) AS per_month_randomising
FROM summed
