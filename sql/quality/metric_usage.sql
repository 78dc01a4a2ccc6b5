-- Counts for the checks on use of the programme: one row a check and site. They count people, unless the
-- check's name says modules. Own use is what the participant did; therapist and system act at any time.
-- n_checked is NULL where a check does not concern the study.
WITH used AS (
    SELECT site_id, subject_id, module, first_on, last_on FROM core.usage_span WHERE valid_to IS NULL
),
account AS (
    SELECT u.site_id, u.subject_id, min(u.first_on) AS first_on, max(u.last_on) AS last_on
    FROM used AS u
    WHERE u.subject_id IS NOT NULL
    GROUP BY u.site_id, u.subject_id
),
account_count AS (
    SELECT a.site_id, count(*) AS n_accounts, count(*) FILTER (WHERE p.subject_id IS NULL) AS n_unknown
    FROM account AS a
    LEFT JOIN core.subject AS p ON p.site_id = a.site_id AND p.subject_id = a.subject_id
    GROUP BY a.site_id
),
person_count AS (
    SELECT
        p.site_id,
        count(a.first_on) AS n_users,
        count(a.first_on) FILTER (WHERE p.treatment_start IS NULL OR a.first_on < p.treatment_start) AS n_early,
        count(*) FILTER (WHERE p.study_status = 'DISCONTINUED') AS n_withdrawn,
        count(*) FILTER (WHERE p.study_status = 'DISCONTINUED' AND a.last_on > p.study_end) AS n_after,
        count(*) FILTER (WHERE p.randomised AND NOT p.programme_access) AS n_without_access,
        count(a.first_on) FILTER (
            WHERE p.randomised AND NOT p.programme_access
            AND (w.epoch_no IS NULL OR a.first_on < w.starts_on)
        ) AS n_used_without_access
    FROM core.subject AS p
    LEFT JOIN account AS a ON a.site_id = p.site_id AND a.subject_id = p.subject_id
    LEFT JOIN core.programme AS w ON w.usubjid = p.usubjid
    GROUP BY p.site_id
),
module_count AS (
    SELECT u.site_id, count(*) AS n_modules, count(*) FILTER (WHERE m.module IS NULL) AS n_unknown
    FROM (SELECT DISTINCT site_id, module FROM used WHERE module IS NOT NULL) AS u
    LEFT JOIN study.module AS m ON m.module = u.module
    GROUP BY u.site_id
),
completed AS (
    SELECT
        siteid AS site_id,
        count(*) AS n_completed,
        count(*) FILTER (WHERE first_opened_at IS NULL OR completed_at < first_opened_at) AS n_unopened
    FROM engagement.module_progress
    WHERE completed_at IS NOT NULL
    GROUP BY siteid
),
asked AS (
    SELECT
        s.site_id,
        t.treatment_starts IS NOT NULL AS has_treatment,
        EXISTS (SELECT 1 FROM study.arm WHERE NOT programme_access) AS has_arm_without_access
    FROM study.site AS s
    CROSS JOIN study.setting AS t
)
SELECT
    'unknown_subjects_usage' AS check_name,
    q.site_id,
    coalesce(a.n_accounts, 0) AS n_checked,
    coalesce(a.n_unknown, 0) AS n_failed
FROM asked AS q
LEFT JOIN account_count AS a ON a.site_id = q.site_id
UNION ALL
SELECT
    'unknown_module' AS check_name,
    q.site_id,
    coalesce(m.n_modules, 0) AS n_checked,
    coalesce(m.n_unknown, 0) AS n_failed
FROM asked AS q
LEFT JOIN module_count AS m ON m.site_id = q.site_id
UNION ALL
SELECT
    'module_completed_before_opened' AS check_name,
    q.site_id,
    coalesce(c.n_completed, 0) AS n_checked,
    coalesce(c.n_unopened, 0) AS n_failed
FROM asked AS q
LEFT JOIN completed AS c ON c.site_id = q.site_id
UNION ALL
SELECT
    'usage_before_treatment' AS check_name,
    q.site_id,
    CASE WHEN q.has_treatment THEN coalesce(p.n_users, 0) END AS n_checked,
    CASE WHEN q.has_treatment THEN coalesce(p.n_early, 0) END AS n_failed
FROM asked AS q
LEFT JOIN person_count AS p ON p.site_id = q.site_id
UNION ALL
SELECT
    'usage_after_withdrawal' AS check_name,
    q.site_id,
    coalesce(p.n_withdrawn, 0) AS n_checked,
    coalesce(p.n_after, 0) AS n_failed
FROM asked AS q
LEFT JOIN person_count AS p ON p.site_id = q.site_id
UNION ALL
SELECT
    'usage_without_access' AS check_name,
    q.site_id,
    CASE WHEN q.has_arm_without_access THEN coalesce(p.n_without_access, 0) END AS n_checked,
    CASE WHEN q.has_arm_without_access THEN coalesce(p.n_used_without_access, 0) END AS n_failed
FROM asked AS q
LEFT JOIN person_count AS p ON p.site_id = q.site_id
