-- Counts for the checks on who is who across feeds: one row a check and site. They count people.
-- n_checked is NULL where a check does not concern the study.
WITH named AS (
    SELECT 'questionnaires' AS feed, site_id, usubjid FROM core.questionnaires GROUP BY site_id, usubjid
    UNION ALL
    SELECT 'allocation' AS feed, site_id, usubjid FROM core.allocation GROUP BY site_id, usubjid
    UNION ALL
    SELECT 'contacts' AS feed, site_id, usubjid FROM core.contacts
    WHERE subject_id IS NOT NULL GROUP BY site_id, usubjid
    UNION ALL
    SELECT 'adverse_events' AS feed, site_id, usubjid FROM core.adverse_events
    WHERE subject_id IS NOT NULL GROUP BY site_id, usubjid
    UNION ALL
    SELECT 'intercurrent_events' AS feed, site_id, usubjid FROM core.intercurrent_events
    WHERE subject_id IS NOT NULL GROUP BY site_id, usubjid
),
known AS (
    SELECT
        n.feed,
        n.site_id,
        count(*) AS n_checked,
        count(*) FILTER (WHERE p.usubjid IS NULL) AS n_failed
    FROM named AS n
    LEFT JOIN core.participants AS p ON p.usubjid = n.usubjid
    GROUP BY n.feed, n.site_id
),
randomised AS (
    SELECT
        p.site_id,
        count(a.usubjid) AS n_allocated,
        count(a.usubjid) FILTER (WHERE p.consent_date IS NULL OR p.consent_date > a.randomised_on) AS n_without_consent,
        count(*) FILTER (WHERE p.status IN ('randomised', 'completed')) AS n_called_so,
        count(*) FILTER (WHERE p.status IN ('randomised', 'completed') AND a.usubjid IS NULL) AS n_without_allocation
    FROM core.participants AS p
    LEFT JOIN core.allocation AS a ON a.usubjid = p.usubjid
    GROUP BY p.site_id
)
SELECT
    'unknown_subjects_' || f.feed AS check_name,
    s.site_id,
    coalesce(k.n_checked, 0) AS n_checked,
    coalesce(k.n_failed, 0) AS n_failed
FROM study.site AS s
CROSS JOIN (SELECT feed FROM study.feed WHERE feed NOT IN ('participants', 'usage')) AS f
LEFT JOIN known AS k ON k.site_id = s.site_id AND k.feed = f.feed
UNION ALL
SELECT
    'allocation_without_consent' AS check_name,
    s.site_id,
    CASE WHEN t.has_allocation THEN coalesce(r.n_allocated, 0) END AS n_checked,
    CASE WHEN t.has_allocation THEN coalesce(r.n_without_consent, 0) END AS n_failed
FROM study.site AS s
CROSS JOIN study.setting AS t
LEFT JOIN randomised AS r ON r.site_id = s.site_id
UNION ALL
SELECT
    'status_without_allocation' AS check_name,
    s.site_id,
    CASE WHEN t.has_allocation THEN coalesce(r.n_called_so, 0) END AS n_checked,
    CASE WHEN t.has_allocation THEN coalesce(r.n_without_allocation, 0) END AS n_failed
FROM study.site AS s
CROSS JOIN study.setting AS t
LEFT JOIN randomised AS r ON r.site_id = s.site_id
