-- Every person of the trial with the dates that the derivations count from: one row a person.
--
-- Randomised: has an allocation record. Enrolled: gave consent and went on after screening, or was randomised.
-- Reference date (study day 1): randomisation or consent, as the study file says; in a trial with allocation
-- an unrandomised person has none. Treatment starts likewise. The study ends with the status
-- completed or withdrawn. Free text is never published: a centre that does not look like a name (letters first,
-- no number of four digits or more, 40 characters at most) and a language of more than one word are OTHER. (The
-- length is asked for beside the pattern: within it, the repetition takes longer to compile than the table to make.)
WITH person AS (
    SELECT
        p.usubjid, p.site_id, p.subject_id, p.consent_date, p.birth_year, p.sex, p.status,
        CASE
            WHEN regexp_full_match(p.centre, '\p{L}[\p{L}\p{N}_. -]*') AND length(p.centre) <= 40
                AND NOT regexp_matches(p.centre, '[0-9]{4}') THEN p.centre
            WHEN p.centre IS NOT NULL THEN 'OTHER'
        END AS centre,
        CASE
            WHEN regexp_full_match(p.language, '\p{L}[\p{L}\p{N}_.-]*') AND length(p.language) <= 32 THEN p.language
            WHEN p.language IS NOT NULL THEN 'OTHER'
            ELSE site.language
        END AS language,
        a.subject_id IS NOT NULL AS randomised,
        a.arm,
        a.randomised_on,
        CASE WHEN p.status IN ('completed', 'withdrawn') THEN p.status_date END AS study_end,
        CASE WHEN p.status = 'withdrawn' THEN nullif(trim(p.status_reason), '') END AS stated_reason
    FROM core.participants AS p
    LEFT JOIN core.allocation AS a ON a.usubjid = p.usubjid
    LEFT JOIN study.site AS site ON site.site_id = p.site_id
),
dated AS (
    SELECT
        p.*,
        p.randomised
            OR (p.consent_date IS NOT NULL AND coalesce(p.status, '') NOT IN ('screened', 'screen_failed'))
            AS enrolled,
        CASE
            WHEN s.has_allocation AND NOT p.randomised THEN NULL
            WHEN s.reference_date = 'randomisation' THEN p.randomised_on
            ELSE p.consent_date
        END AS reference_on
    FROM person AS p
    CROSS JOIN study.setting AS s
),
treated AS (
    SELECT
        d.*,
        CASE
            WHEN s.treatment_starts IS NULL THEN NULL
            WHEN s.has_allocation AND NOT d.randomised THEN NULL
            WHEN s.has_allocation AND s.treatment_starts = 'randomisation' THEN d.randomised_on
            WHEN d.enrolled THEN d.consent_date
        END AS treatment_start
    FROM dated AS d
    CROSS JOIN study.setting AS s
)
SELECT
    row_number() OVER (ORDER BY t.consent_date NULLS LAST, t.usubjid) AS subject_no,
    t.usubjid,
    s.study_id,
    t.site_id,
    t.subject_id,
    t.centre,
    t.language,
    year(t.consent_date) - t.birth_year AS age,
    t.sex,
    t.consent_date,
    t.enrolled,
    t.randomised,
    t.randomised_on,
    t.arm,
    coalesce(arm.label, t.arm) AS arm_label,
    CASE WHEN s.has_allocation THEN coalesce(arm.programme_access, FALSE) ELSE TRUE END AS programme_access,
    t.reference_on,
    t.treatment_start,
    least(t.treatment_start + CAST(7 * s.treatment_weeks AS INTEGER), t.study_end) AS treatment_end,
    CASE
        WHEN t.status = 'completed' THEN 'COMPLETED'
        WHEN t.status = 'withdrawn' THEN 'DISCONTINUED'
        WHEN t.status = 'screen_failed' THEN 'SCREEN FAILURE'
        WHEN t.status IN ('enrolled', 'randomised') THEN 'ONGOING'
    END AS study_status,
    t.study_end,
    CASE WHEN t.stated_reason IS NOT NULL THEN coalesce(reason.reason, 'OTHER') END AS discontinuation_reason
FROM treated AS t
CROSS JOIN study.setting AS s
LEFT JOIN study.arm AS arm ON arm.arm = t.arm
LEFT JOIN study.discontinuation_reason AS reason
    ON upper(trim(reason.reason)) = upper(t.stated_reason)
