-- Counts for the checks on questionnaires: one row a check and site. They count forms, people (primary
-- outcome) or items. n_checked is NULL where a check does not concern the study.
--
-- What only some arms have is counted apart, in checks named _one_arm: forms of their visits, every form
-- after the last visit that all arms share, and weekly forms where an arm has no programme to fill them in.
WITH scope AS (
    SELECT
        t.has_allocation,
        t.as_of,
        t.primary_paramcd,
        t.primary_avisit,
        (SELECT max(window_to) FROM study.visit WHERE shared_by_all_arms) AS last_shared_day,
        EXISTS (SELECT 1 FROM study.arm WHERE NOT programme_access) AS weekly_reveals,
        EXISTS (SELECT 1 FROM study.visit WHERE NOT shared_by_all_arms) AS has_one_arm_visit
    FROM study.setting AS t
),
form AS (
    SELECT
        p.site_id,
        f.source,
        f.study_day IS NOT NULL AND (label.avisit IS NOT NULL OR coalesce(trim(f.visit), '') = '') AS for_a_visit,
        v.avisit = 'UNSCHEDULED' AS outside,
        v.avisitn IS NOT NULL AND label.avisit IS NOT NULL AS comparable,
        v.avisit <> label.avisit AS disagrees,
        i.n_items,
        i.n_items - f.n_answered AS n_missing,
        CASE
            WHEN f.source = 'weekly' THEN s.weekly_reveals
            WHEN NOT coalesce(label.shared_by_all_arms, TRUE) OR NOT coalesce(window_visit.shared_by_all_arms, TRUE) THEN TRUE
            ELSE coalesce(s.has_one_arm_visit AND f.study_day > s.last_shared_day, FALSE)
        END AS one_arm
    FROM outcome.form AS f
    JOIN outcome.form_visit AS v ON v.form_no = f.form_no
    JOIN core.subject AS p ON p.usubjid = f.usubjid
    JOIN quality.asked_item AS i ON i.form_no = f.form_no
    LEFT JOIN study.visit AS label ON upper(label.avisit) = upper(trim(f.visit))
    LEFT JOIN study.visit AS window_visit ON window_visit.avisit = v.avisit
    CROSS JOIN scope AS s
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
    FROM form
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
-- The primary outcome is due from whom the primary visit's window has closed on while in the study, and
-- from everybody who sent its form for that visit. A form of the programme that fills the visit does not count:
-- the check is shown to the blinded, and only those who have the programme can be helped out by it.
primary_form AS (
    SELECT r.usubjid, bool_or(r.score IS NOT NULL) AS has_value
    FROM outcome.record AS r
    JOIN outcome.form AS f ON f.form_no = r.form_no
    CROSS JOIN scope AS s
    WHERE r.paramcd = s.primary_paramcd AND r.avisit = s.primary_avisit AND f.source = 'visit'
    GROUP BY r.usubjid
),
primary_person AS (
    SELECT p.site_id, coalesce(f.has_value, FALSE) AS has_value
    FROM core.subject AS p
    CROSS JOIN scope AS s
    JOIN study.visit AS v ON v.avisit = s.primary_avisit AND v.shared_by_all_arms
    LEFT JOIN primary_form AS f ON f.usubjid = p.usubjid
    WHERE
        f.usubjid IS NOT NULL
        OR (
            CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END
            AND p.reference_on + CAST(v.window_to - CASE WHEN v.window_to > 0 THEN 1 ELSE 0 END AS INTEGER) < s.as_of
            AND coalesce(
                p.study_end >= p.reference_on
                    + CAST(v.window_from - CASE WHEN v.window_from > 0 THEN 1 ELSE 0 END AS INTEGER),
                TRUE
            )
        )
),
primary_count AS (
    SELECT site_id, count(*) AS n_due, count(*) FILTER (WHERE NOT has_value) AS n_missing
    FROM primary_person
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
