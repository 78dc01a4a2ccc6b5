-- Forms with what is counted of them: one row a form of a known person.
--
-- `one_arm`: only one arm can have it, so that counts of it by site would tell allocation: a form of a visit that not
-- all arms have, every form after the last visit that all arms share, and a weekly form where an arm has no programme
-- to fill it in. `for_a_visit`: its label is a visit's or empty. `received_on`: day at the site on which it first came.
WITH scope AS (
    SELECT
        (SELECT max(window_to) FROM study.visit WHERE shared_by_all_arms) AS last_shared_day,
        EXISTS (SELECT 1 FROM study.arm WHERE NOT programme_access) AS weekly_reveals,
        EXISTS (SELECT 1 FROM study.visit WHERE NOT shared_by_all_arms) AS has_one_arm_visit
),
first_known AS (
    SELECT site_id, subject_id, instrument, label, completed_on, completed_at, min(valid_from) AS known_from
    FROM core.form_history
    GROUP BY site_id, subject_id, instrument, label, completed_on, completed_at
)
SELECT
    f.form_no,
    f.usubjid,
    p.site_id,
    f.instrument,
    f.source,
    f.completed_on,
    concat_ws(
        '|', f.usubjid, f.instrument, coalesce(trim(f.visit), ''), CAST(f.completed_on AS VARCHAR),
        CAST(f.completed_at AS VARCHAR)
    ) AS unit,
    CAST(timezone(site.timezone, k.known_from) AS DATE) AS received_on,
    k.known_from,
    f.study_day IS NOT NULL AND (label.avisit IS NOT NULL OR coalesce(trim(f.visit), '') = '') AS for_a_visit,
    v.avisit = 'UNSCHEDULED' AS outside,
    v.avisitn IS NOT NULL AND label.avisit IS NOT NULL AS comparable,
    v.avisit <> label.avisit AS disagrees,
    i.n_items,
    f.n_answered,
    i.n_items - f.n_answered AS n_missing,
    CASE
        WHEN f.source = 'weekly' THEN s.weekly_reveals
        WHEN NOT coalesce(label.shared_by_all_arms, TRUE) OR NOT coalesce(window_visit.shared_by_all_arms, TRUE) THEN TRUE
        ELSE coalesce(s.has_one_arm_visit AND f.study_day > s.last_shared_day, FALSE)
    END AS one_arm
FROM outcome.form AS f
JOIN outcome.form_visit AS v ON v.form_no = f.form_no
JOIN core.subject AS p ON p.usubjid = f.usubjid
JOIN study.site AS site ON site.site_id = p.site_id
JOIN quality.asked_item AS i ON i.form_no = f.form_no
CROSS JOIN scope AS s
LEFT JOIN study.visit AS label ON upper(label.avisit) = upper(trim(f.visit))
LEFT JOIN study.visit AS window_visit ON window_visit.avisit = v.avisit
LEFT JOIN first_known AS k
    ON k.site_id = p.site_id AND k.subject_id = p.subject_id AND k.instrument = f.instrument
    AND k.label IS NOT DISTINCT FROM nullif(trim(f.visit), '') AND k.completed_on = f.completed_on
    AND k.completed_at IS NOT DISTINCT FROM f.completed_at
