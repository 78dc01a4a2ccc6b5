-- Counts for the checks on questionnaires: one row a check and site. They count forms, people (primary
-- outcome) or items. n_checked is NULL where a check does not concern the study.
--
-- What only some arms have is counted apart, in checks named _one_arm (quality.scoped_form says which forms).
WITH scope AS (
    SELECT
        t.primary_avisit,
        EXISTS (SELECT 1 FROM study.arm WHERE NOT programme_access) AS weekly_reveals,
        EXISTS (SELECT 1 FROM study.visit WHERE NOT shared_by_all_arms) AS has_one_arm_visit
    FROM study.setting AS t
),
form_count AS (
    SELECT
        site_id,
        one_arm,
        count(*) FILTER (WHERE source = 'visit' AND for_a_visit) AS n_for_a_visit,
        count(*) FILTER (WHERE source = 'visit' AND for_a_visit AND outside) AS n_outside,
        count(*) FILTER (WHERE source = 'visit' AND comparable) AS n_comparable,
        count(*) FILTER (WHERE source = 'visit' AND comparable AND disagrees) AS n_disagree,
        CAST(sum(n_items) AS BIGINT) AS n_items,
        CAST(sum(n_missing) AS BIGINT) AS n_items_missing
    FROM quality.scoped_form
    GROUP BY site_id, one_arm
),
due_count AS (
    SELECT
        c.site_id,
        NOT v.shared_by_all_arms AS one_arm,
        CAST(sum(c.n_received + c.n_overdue) AS BIGINT) AS n_due,
        CAST(sum(c.n_overdue) AS BIGINT) AS n_overdue
    FROM quality.completeness AS c
    JOIN study.visit AS v ON v.avisit = c.avisit
    GROUP BY c.site_id, NOT v.shared_by_all_arms
),
primary_count AS (
    SELECT site_id, count(*) AS n_due, count(*) FILTER (WHERE NOT has_value) AS n_missing
    FROM quality.primary_due
    GROUP BY site_id
),
asked AS (
    SELECT
        site.site_id,
        side.one_arm,
        side.suffix,
        NOT side.one_arm OR s.has_one_arm_visit AS has_visit,
        NOT side.one_arm OR s.has_one_arm_visit OR s.weekly_reveals AS has_form
    FROM study.site AS site
    CROSS JOIN scope AS s
    CROSS JOIN (SELECT FALSE AS one_arm, '' AS suffix UNION ALL SELECT TRUE AS one_arm, '_one_arm' AS suffix) AS side
)
SELECT
    'out_of_window' || q.suffix AS check_name,
    q.site_id,
    CASE WHEN q.has_visit THEN coalesce(f.n_for_a_visit, 0) END AS n_checked,
    CASE WHEN q.has_visit THEN coalesce(f.n_outside, 0) END AS n_failed
FROM asked AS q
LEFT JOIN form_count AS f ON f.site_id = q.site_id AND f.one_arm = q.one_arm
UNION ALL
SELECT
    'visit_label_disagrees' || q.suffix AS check_name,
    q.site_id,
    CASE WHEN q.has_visit THEN coalesce(f.n_comparable, 0) END AS n_checked,
    CASE WHEN q.has_visit THEN coalesce(f.n_disagree, 0) END AS n_failed
FROM asked AS q
LEFT JOIN form_count AS f ON f.site_id = q.site_id AND f.one_arm = q.one_arm
UNION ALL
SELECT
    'items_missing' || q.suffix AS check_name,
    q.site_id,
    CASE WHEN q.has_form THEN coalesce(f.n_items, 0) END AS n_checked,
    CASE WHEN q.has_form THEN coalesce(f.n_items_missing, 0) END AS n_failed
FROM asked AS q
LEFT JOIN form_count AS f ON f.site_id = q.site_id AND f.one_arm = q.one_arm
UNION ALL
SELECT
    'overdue_forms' || q.suffix AS check_name,
    q.site_id,
    CASE WHEN q.has_visit THEN coalesce(d.n_due, 0) END AS n_checked,
    CASE WHEN q.has_visit THEN coalesce(d.n_overdue, 0) END AS n_failed
FROM asked AS q
LEFT JOIN due_count AS d ON d.site_id = q.site_id AND d.one_arm = q.one_arm
UNION ALL
SELECT
    'primary_outcome_missing' AS check_name,
    site.site_id,
    CASE WHEN v.shared_by_all_arms THEN coalesce(c.n_due, 0) END AS n_checked,
    CASE WHEN v.shared_by_all_arms THEN coalesce(c.n_missing, 0) END AS n_failed
FROM study.site AS site
CROSS JOIN scope AS s
LEFT JOIN study.visit AS v ON v.avisit = s.primary_avisit
LEFT JOIN primary_count AS c ON c.site_id = site.site_id
