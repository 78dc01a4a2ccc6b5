-- Counts for the check that the states of what is expected add up: one row a site. They count items.
-- The total is reckoned apart from the states: people times the items of all forms that could be asked. n_failed is by
-- how many forms and items the states miss it.
WITH n_item AS (
    SELECT instrument, count(*) AS n_items FROM study.item GROUP BY instrument
),
asked_of_each AS (
    SELECT count(*) AS n_forms, sum(n.n_items) AS n_items
    FROM study.scheduled_form AS f
    JOIN n_item AS n ON n.instrument = f.instrument
    UNION ALL
    SELECT sum(s.treatment_weeks) AS n_forms, sum(s.treatment_weeks * n.n_items) AS n_items
    FROM study.instrument AS i
    JOIN n_item AS n ON n.instrument = i.instrument
    CROSS JOIN study.setting AS s
    WHERE i.weekly
),
person AS (
    SELECT site_id, count(*) AS n_people FROM core.subject GROUP BY site_id
),
total AS (
    SELECT p.site_id, max(p.n_people) * sum(a.n_forms) AS n_forms, max(p.n_people) * sum(a.n_items) AS n_items
    FROM person AS p
    CROSS JOIN asked_of_each AS a
    GROUP BY p.site_id
),
found AS (
    SELECT site_id, sum(n_forms) AS n_forms, sum(n_items) AS n_items FROM quality.expected_total GROUP BY site_id
)
SELECT
    'expected_states' AS check_name,
    s.site_id,
    CAST(coalesce(t.n_items, 0) AS BIGINT) AS n_checked,
    CAST(least(
        coalesce(t.n_items, 0),
        abs(coalesce(t.n_forms, 0) - coalesce(f.n_forms, 0)) + abs(coalesce(t.n_items, 0) - coalesce(f.n_items, 0))
    ) AS BIGINT) AS n_failed
FROM study.site AS s
LEFT JOIN total AS t ON t.site_id = s.site_id
LEFT JOIN found AS f ON f.site_id = s.site_id
