-- Rules about use of the programme, person by person and module by module: one row a rule, record and interval in
-- which the rule applied to it, `broken` saying whether the record broke it. Only what a participant did counts as
-- use. Record keys: the person; of rules about modules, person and module.
WITH used AS (
    SELECT
        u.site_id, u.subject_id, u.sequence, u.n_own, u.first_on, u.last_on,
        greatest(u.valid_from, t.valid_from) AS known_from,
        least(u.valid_to, t.valid_to) AS known_to,
        t.listed, t.consent_date, t.study_end, t.randomised,
        CASE WHEN later_arm.programme_access THEN t.later_start_on END AS later_access_on,
        CASE WHEN s.has_allocation THEN arm.programme_access ELSE TRUE END AS programme_access,
        CASE
            WHEN s.treatment_starts IS NULL OR (s.has_allocation AND NOT t.randomised) THEN NULL
            WHEN s.has_allocation AND s.treatment_starts = 'randomisation' THEN t.randomised_on
            ELSE t.consent_date
        END AS treatment_start
    FROM core.usage_span AS u
    JOIN core.subject_history AS t
        ON t.site_id = u.site_id AND t.subject_id = u.subject_id
        AND coalesce(t.valid_from < u.valid_to, TRUE) AND coalesce(u.valid_from < t.valid_to, TRUE)
    CROSS JOIN study.setting AS s
    LEFT JOIN study.arm AS arm ON arm.arm = t.arm
    LEFT JOIN study.arm AS later_arm ON later_arm.arm = t.later_arm
),
-- What the log knew of a module at each moment at which that changed.
moment AS (
    SELECT site_id, subject_id, module, valid_from FROM core.usage_span WHERE module IS NOT NULL
    UNION
    SELECT site_id, subject_id, module, valid_to AS valid_from FROM core.usage_span
    WHERE module IS NOT NULL AND valid_to IS NOT NULL
),
spell AS (
    SELECT
        *,
        lead(valid_from) OVER (PARTITION BY site_id, subject_id, module ORDER BY valid_from) AS valid_to
    FROM moment
),
module AS (
    SELECT
        p.site_id, p.subject_id, p.module, p.valid_from, p.valid_to,
        min(u.released_at) AS released_at,
        min(u.opened_at) AS opened_at,
        min(u.completed_at) AS completed_at,
        max(u.sequence) AS sequence
    FROM spell AS p
    JOIN core.usage_span AS u
        ON u.site_id = p.site_id AND u.subject_id = p.subject_id AND u.module = p.module
        AND u.valid_from <= p.valid_from AND coalesce(u.valid_to > p.valid_from, TRUE)
    GROUP BY p.site_id, p.subject_id, p.module, p.valid_from, p.valid_to
),
told_of_releases AS (
    SELECT site_id, subject_id FROM core.usage_span WHERE released_at IS NOT NULL GROUP BY site_id, subject_id
),
listed_module AS (
    SELECT
        m.*,
        concat_ws('|', m.subject_id, m.module) AS record_key,
        greatest(m.valid_from, t.valid_from) AS known_from,
        least(m.valid_to, t.valid_to) AS known_to,
        r.subject_id IS NOT NULL AS told_of_releases
    FROM module AS m
    JOIN core.subject_history AS t
        ON t.site_id = m.site_id AND t.subject_id = m.subject_id AND t.listed
        AND coalesce(t.valid_from < m.valid_to, TRUE) AND coalesce(m.valid_from < t.valid_to, TRUE)
    LEFT JOIN told_of_releases AS r ON r.site_id = m.site_id AND r.subject_id = m.subject_id
)
SELECT
    'unknown_subject_usage' AS rule,
    site_id,
    subject_id,
    subject_id AS record_key,
    known_from,
    known_to,
    NOT listed AS broken,
    CAST(NULL AS VARCHAR) AS value,
    sequence,
    TRUE AS one_arm
FROM used
UNION ALL
SELECT
    'usage_before_consent' AS rule, site_id, subject_id, subject_id AS record_key, known_from, known_to,
    coalesce(first_on < consent_date, consent_date IS NULL) AS broken, CAST(consent_date AS VARCHAR) AS value,
    sequence, TRUE AS one_arm
FROM used
WHERE listed AND n_own > 0
UNION ALL
SELECT
    'usage_before_treatment' AS rule, site_id, subject_id, subject_id AS record_key, known_from, known_to,
    first_on < treatment_start AS broken, CAST(treatment_start AS VARCHAR) AS value, sequence, TRUE AS one_arm
FROM used
WHERE programme_access AND treatment_start IS NOT NULL AND first_on >= consent_date
UNION ALL
SELECT
    'usage_after_end' AS rule, site_id, subject_id, subject_id AS record_key, known_from, known_to,
    last_on > study_end AS broken, CAST(study_end AS VARCHAR) AS value, sequence, TRUE AS one_arm
FROM used
WHERE last_on IS NOT NULL AND study_end IS NOT NULL
UNION ALL
-- Of whom the log says nothing, it says that they did not use the programme.
SELECT
    'usage_without_access' AS rule, t.site_id, t.subject_id, t.subject_id AS record_key, t.valid_from AS known_from,
    t.valid_to AS known_to, FALSE AS broken, CAST(NULL AS VARCHAR) AS value, t.allocation_seq AS sequence,
    TRUE AS one_arm
FROM core.subject_history AS t
JOIN study.arm AS a ON a.arm = t.arm AND NOT a.programme_access
UNION ALL
SELECT
    'usage_without_access' AS rule, site_id, subject_id, subject_id AS record_key, known_from, known_to,
    TRUE AS broken, CAST(NULL AS VARCHAR) AS value, sequence, TRUE AS one_arm
FROM used
WHERE randomised AND NOT programme_access AND n_own > 0 AND coalesce(first_on < later_access_on, TRUE)
UNION ALL
SELECT
    'module_completed_before_opened' AS rule, site_id, subject_id, record_key, known_from, known_to,
    coalesce(completed_at < opened_at, opened_at IS NULL) AS broken,
    concat_ws(' ', CAST(completed_at AS VARCHAR), CAST(opened_at AS VARCHAR)) AS value, sequence, TRUE AS one_arm
FROM listed_module
WHERE completed_at IS NOT NULL
UNION ALL
SELECT
    'module_opened_before_release' AS rule, site_id, subject_id, record_key, known_from, known_to,
    coalesce(least(opened_at, completed_at) < released_at, released_at IS NULL) AS broken,
    concat_ws(' ', CAST(least(opened_at, completed_at) AS VARCHAR), CAST(released_at AS VARCHAR)) AS value,
    sequence, TRUE AS one_arm
FROM listed_module
WHERE coalesce(opened_at, completed_at) IS NOT NULL AND told_of_releases
