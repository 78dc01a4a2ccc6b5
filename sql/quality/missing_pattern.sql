-- Which forms are missing together at the visit of the primary outcome: one row a pattern, the commonest ten, all
-- sites together; none of fewer than five people, and none where only some arms have the visit.
WITH person AS (
    SELECT
        f.usubjid,
        coalesce(string_agg(CASE WHEN NOT f.received THEN f.instrument END, ', ' ORDER BY f.instrument), '') AS missing
    FROM quality.person_form AS f
    CROSS JOIN study.setting AS s
    JOIN study.visit AS v ON v.avisit = f.avisit AND v.shared_by_all_arms
    WHERE f.avisit = s.primary_avisit AND (f.received OR f.overdue)
    GROUP BY f.usubjid
),
pattern AS (
    SELECT missing, count(*) AS n_people, CAST(sum(count(*)) OVER () AS BIGINT) AS n_due
    FROM person
    GROUP BY missing
)
SELECT
    row_number() OVER (ORDER BY n_people DESC, missing) AS pattern_no,
    missing,
    n_people,
    n_due
FROM pattern
WHERE n_people >= 5
QUALIFY row_number() OVER (ORDER BY n_people DESC, missing) <= 10
