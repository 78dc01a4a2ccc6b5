-- Rules about questionnaires, form by form: one row a rule, record and interval in which the rule applied to it,
-- `broken` saying whether the record broke it.
--
-- Record keys: person, instrument and visit (without one, the date), so that a date corrected wrongly is the same query;
-- `form_…`: with the date; `two_forms_for_visit`: person, instrument and the window's visit;
-- `unknown_subject_…`: the person. A label that is no visit's is free text and in no key.
WITH form AS (
    SELECT
        f.*,
        concat_ws('|', f.subject_id, f.instrument, coalesce(f.label_avisit, CAST(f.completed_on AS VARCHAR)))
            AS record_key,
        concat_ws(
            '|', f.subject_id, f.instrument,
            coalesce(f.label_avisit, CASE WHEN f.weekly THEN s.weekly_label END, ''), CAST(f.completed_on AS VARCHAR)
        ) AS form_key,
        concat_ws('|', f.label, CAST(f.completed_on AS VARCHAR), CAST(f.completed_at AS VARCHAR)) AS told_apart_by,
        CAST(f.completed_on AS VARCHAR) AS value
    FROM core.form_spell AS f
    CROSS JOIN study.setting AS s
),
pair AS (
    SELECT
        a.site_id, a.subject_id, a.instrument, a.window_avisit,
        greatest(a.known_from, b.known_from) AS known_from,
        least(a.known_to, b.known_to) AS known_to,
        a.told_apart_by || ' ' || b.told_apart_by AS value,
        greatest(a.sequence, b.sequence) AS sequence,
        a.one_arm OR b.one_arm AS one_arm
    FROM form AS a
    JOIN form AS b
        ON b.site_id = a.site_id AND b.subject_id = a.subject_id AND b.instrument = a.instrument
        AND b.window_avisit = a.window_avisit AND b.told_apart_by > a.told_apart_by
        AND coalesce(a.known_from < b.known_to, TRUE) AND coalesce(b.known_from < a.known_to, TRUE)
    WHERE NOT a.weekly AND NOT b.weekly
)
SELECT
    CASE WHEN weekly THEN 'unknown_subject_weekly_forms' ELSE 'unknown_subject_questionnaires' END AS rule,
    site_id,
    subject_id,
    subject_id AS record_key,
    known_from,
    known_to,
    NOT listed AS broken,
    CAST(NULL AS VARCHAR) AS value,
    sequence,
    FALSE AS one_arm
FROM form
UNION ALL
SELECT
    'form_before_consent' AS rule, site_id, subject_id, form_key AS record_key, known_from, known_to,
    completed_on < consent_date AS broken, value || ' ' || CAST(consent_date AS VARCHAR) AS value, sequence, one_arm
FROM form
WHERE consent_date IS NOT NULL
UNION ALL
SELECT
    'form_after_end' AS rule, site_id, subject_id, form_key AS record_key, known_from, known_to,
    completed_on > study_end AS broken, value || ' ' || CAST(study_end AS VARCHAR) AS value, sequence, one_arm
FROM form
WHERE study_end IS NOT NULL
UNION ALL
SELECT
    'unknown_visit_label' AS rule, site_id, subject_id, form_key AS record_key, known_from, known_to,
    label_avisit IS NULL AS broken, label AS value, sequence, one_arm
FROM form
WHERE label IS NOT NULL AND NOT weekly
UNION ALL
SELECT
    'visit_label_disagrees' AS rule, site_id, subject_id, record_key, known_from, known_to,
    label_avisit <> window_avisit AS broken, value, sequence, one_arm
FROM form
WHERE label_avisit IS NOT NULL AND window_avisit IS NOT NULL AND first_epoch
UNION ALL
SELECT
    'form_outside_windows' AS rule, site_id, subject_id, record_key, known_from, known_to,
    window_avisit IS NULL AS broken, value, sequence, one_arm
FROM form
WHERE study_day IS NOT NULL AND NOT weekly AND first_epoch AND (label IS NULL OR label_avisit IS NOT NULL)
UNION ALL
SELECT
    'visit_of_other_arm' AS rule, f.site_id, f.subject_id, f.record_key, f.known_from, f.known_to,
    NOT EXISTS (SELECT 1 FROM study.visit_arm AS va WHERE va.avisit = f.label_avisit AND va.arm = f.arm) AS broken,
    f.label || ' ' || f.arm AS value, f.sequence, TRUE AS one_arm
FROM form AS f
WHERE f.label_avisit IS NOT NULL AND f.arm IS NOT NULL
UNION ALL
SELECT
    'two_forms_for_visit' AS rule, site_id, subject_id, concat_ws('|', subject_id, instrument, window_avisit) AS record_key,
    known_from, known_to, FALSE AS broken, CAST(NULL AS VARCHAR) AS value, sequence, one_arm
FROM form
WHERE window_avisit IS NOT NULL AND NOT weekly
UNION ALL
SELECT
    'two_forms_for_visit' AS rule, site_id, subject_id, concat_ws('|', subject_id, instrument, window_avisit) AS record_key,
    known_from, known_to, TRUE AS broken, value, sequence, one_arm
FROM pair
