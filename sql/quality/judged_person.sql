-- Rules about the participants' file and the allocation list, record by record: one row a rule, record and interval
-- in which the rule applied to the record, `broken` saying whether the record broke it.
--
-- `value` is what the site would correct. A date that lay ahead on the day of the file that first said it is
-- wrong until it is corrected, or until the day has come.
WITH person AS (
    SELECT
        t.*,
        s.has_allocation,
        CAST(timezone(site.timezone, t.valid_from) AS DATE) AS known_on,
        CASE WHEN t.consent_date <= s.as_of THEN timezone(site.timezone, CAST(t.consent_date AS TIMESTAMP)) END
            AS consent_at,
        CASE WHEN t.status_date <= s.as_of THEN timezone(site.timezone, CAST(t.status_date AS TIMESTAMP)) END
            AS status_at,
        CASE WHEN t.randomised_on <= s.as_of THEN timezone(site.timezone, CAST(t.randomised_on AS TIMESTAMP)) END
            AS randomised_at
    FROM core.subject_history AS t
    JOIN study.site AS site ON site.site_id = t.site_id
    CROSS JOIN study.setting AS s
),
judged AS (
    SELECT
        'consent_missing' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from, p.valid_to AS known_to,
        p.consent_date IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, p.participants_seq AS sequence
    FROM person AS p
    WHERE p.listed AND p.status IN ('enrolled', 'completed') AND NOT p.randomised
    UNION ALL
    SELECT
        'consent_in_future' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from,
        CASE WHEN p.consent_date > p.known_on THEN least(p.valid_to, p.consent_at) ELSE p.valid_to END AS known_to,
        p.consent_date > p.known_on AS broken, CAST(p.consent_date AS VARCHAR) AS value, p.participants_seq AS sequence
    FROM person AS p
    WHERE p.consent_date IS NOT NULL
    UNION ALL
    SELECT
        'status_date_missing' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from, p.valid_to AS known_to,
        p.status_date IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, p.participants_seq AS sequence
    FROM person AS p
    WHERE p.status IN ('completed', 'withdrawn')
    UNION ALL
    SELECT
        'status_date_too_early' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from, p.valid_to AS known_to,
        p.study_end < coalesce(p.randomised_on, p.consent_date) AS broken,
        CAST(p.study_end AS VARCHAR) AS value, p.participants_seq AS sequence
    FROM person AS p
    WHERE p.study_end IS NOT NULL AND coalesce(p.randomised_on, p.consent_date) IS NOT NULL
    UNION ALL
    SELECT
        'status_date_in_future' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from,
        CASE WHEN p.status_date > p.known_on THEN least(p.valid_to, p.status_at) ELSE p.valid_to END AS known_to,
        p.status_date > p.known_on AS broken, CAST(p.status_date AS VARCHAR) AS value, p.participants_seq AS sequence
    FROM person AS p
    WHERE p.status_date IS NOT NULL
    UNION ALL
    SELECT
        'status_without_allocation' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from,
        p.valid_to AS known_to, NOT p.randomised AS broken, p.status AS value, p.participants_seq AS sequence
    FROM person AS p
    WHERE p.has_allocation AND p.status IN ('randomised', 'completed')
    UNION ALL
    SELECT
        'allocation_against_status' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from,
        p.valid_to AS known_to, p.status IN ('screened', 'screen_failed') AS broken, p.status AS value,
        p.participants_seq AS sequence
    FROM person AS p
    WHERE p.randomised AND p.status IS NOT NULL
    UNION ALL
    SELECT
        'unknown_subject_allocation' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from,
        p.valid_to AS known_to, NOT p.listed AS broken, CAST(NULL AS VARCHAR) AS value, p.allocation_seq AS sequence
    FROM person AS p
    WHERE p.randomised
    UNION ALL
    SELECT
        'allocation_without_consent' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from,
        p.valid_to AS known_to, coalesce(p.consent_date > p.randomised_on, TRUE) AS broken,
        concat_ws(' ', coalesce(CAST(p.consent_date AS VARCHAR), '-'), p.randomised_on) AS value,
        p.participants_seq AS sequence
    FROM person AS p
    WHERE p.randomised AND p.listed AND p.randomised_on IS NOT NULL
    UNION ALL
    SELECT
        'randomisation_date_missing' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from,
        p.valid_to AS known_to, p.randomised_on IS NULL AS broken, CAST(NULL AS VARCHAR) AS value,
        p.allocation_seq AS sequence
    FROM person AS p
    WHERE p.randomised
    UNION ALL
    SELECT
        'arm_missing' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from, p.valid_to AS known_to,
        p.arm IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, p.allocation_seq AS sequence
    FROM person AS p
    WHERE p.randomised
    UNION ALL
    SELECT
        'randomisation_in_future' AS rule, p.site_id, p.subject_id, p.valid_from AS known_from,
        CASE WHEN p.randomised_on > p.known_on THEN least(p.valid_to, p.randomised_at) ELSE p.valid_to END AS known_to,
        p.randomised_on > p.known_on AS broken, CAST(p.randomised_on AS VARCHAR) AS value,
        p.allocation_seq AS sequence
    FROM person AS p
    WHERE p.randomised_on IS NOT NULL
)
SELECT
    rule,
    site_id,
    subject_id,
    subject_id AS record_key,
    known_from,
    known_to,
    broken,
    value,
    sequence,
    FALSE AS one_arm
FROM judged
