-- Therapists' logged time by study week and category: one row a person who could use the programme, week and category
-- of contact. Nothing is imputed: a week that the site's contact log does not reach is NULL, not zero, unless something
-- of it is known; n_without_minutes counts contacts whose minutes nobody stated, which minutes leave out.
WITH category AS (
    SELECT category FROM (VALUES ('call'), ('message'), ('video'), ('in_person'), ('unstated')) AS c(category)
),
told AS (
    SELECT subject_no, week_no FROM engagement.contact_week GROUP BY subject_no, week_no
),
week AS (
    SELECT
        w.usubjid, w.week_no, k.category, w.site_id, w.subject_id,
        coalesce(r.contacts_until >= w.last_day, FALSE) OR t.subject_no IS NOT NULL AS known,
        coalesce(c.n_contacts, 0) AS n_contacts,
        coalesce(c.n_contacts - c.n_with_minutes, 0) AS n_without_minutes,
        coalesce(c.therapist_minutes, 0) AS therapist_minutes
    FROM core.programme_week AS w
    CROSS JOIN category AS k
    LEFT JOIN core.log_reach AS r ON r.site_id = w.site_id
    LEFT JOIN told AS t ON t.subject_no = w.subject_no AND t.week_no = w.week_no
    LEFT JOIN engagement.contact_week AS c
        ON c.subject_no = w.subject_no AND c.week_no = w.week_no AND c.category = k.category
)
SELECT
    usubjid,
    week_no,
    category,
    site_id AS siteid,
    subject_id,
    CASE WHEN known THEN n_contacts END AS n_contacts,
    CASE WHEN known THEN n_without_minutes END AS n_without_minutes,
    CASE WHEN known THEN therapist_minutes END AS therapist_minutes
FROM week
