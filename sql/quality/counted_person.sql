-- What the site indicators and the flow count of people: one row a number and person. See quality.counted_unit.
--
-- K07: of those randomised, who withdrew; lost to follow-up and died, by the study file's reasons, are no withdrawals.
-- K10: everybody in the participants' file or the allocation list; bad: with an open critical query that everybody may
-- see. K16: of those randomised, whom the site calls a screening failure. In a trial without allocation K16 has no
-- row, and being enrolled stands for being randomised.
-- The boxes of the flow (CONSORT 2025), each person in one leaf: `excluded` (not in the trial and not going to be),
-- `pending`, and of those in the trial `withdrawn`, `lost`, `died`, `completed`, else `in_follow_up`.
-- eligible: everybody but screening failures; of them counted, who consented. randomised_8_weeks: of those randomised,
-- who was in the 56 days up to today. `value` of screened: the number of the day that is the newest known of the person.
WITH changed AS (
    SELECT usubjid, max(changed_at) AS changed_at
    FROM quality.last_change
    WHERE feed IN ('participants', 'allocation')
    GROUP BY usubjid
),
came AS (
    SELECT h.usubjid, min(d.received_at) AS came_at
    FROM core.participants_history AS h
    JOIN input.delivery AS d ON d.sequence = h.valid_from_seq
    GROUP BY h.usubjid
),
person AS (
    SELECT
        p.usubjid, p.site_id, p.study_status, p.study_end, p.discontinuation_reason,
        CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END AS in_trial,
        s.has_allocation,
        CASE WHEN s.has_allocation THEN p.randomised_on ELSE p.consent_date END AS entered_on,
        p.consent_date,
        greatest(p.consent_date, p.randomised_on) AS newest_on,
        s.as_of,
        r.kind AS end_kind,
        listed.status_reason AS stated_reason,
        c.changed_at,
        k.came_at
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    JOIN core.participants AS listed ON listed.usubjid = p.usubjid
    LEFT JOIN study.end_reason AS r ON r.reason = p.discontinuation_reason
    LEFT JOIN changed AS c ON c.usubjid = p.usubjid
    LEFT JOIN came AS k ON k.usubjid = p.usubjid
),
boxed AS (
    SELECT
        *,
        CASE
            WHEN in_trial AND study_status = 'DISCONTINUED' THEN coalesce(end_kind, 'withdrawn')
            WHEN in_trial AND study_status = 'COMPLETED' THEN 'completed'
            WHEN in_trial THEN 'in_follow_up'
            WHEN study_status IN ('SCREEN FAILURE', 'DISCONTINUED', 'COMPLETED') THEN 'excluded'
            ELSE 'pending'
        END AS box
    FROM person
),
-- A reason that is none of the study file's is OTHER: what a site writes freely is never published.
reasoned AS (
    SELECT
        b.*,
        CASE
            WHEN b.box IN ('withdrawn', 'lost', 'died') THEN coalesce(b.discontinuation_reason, 'NOT STATED')
            WHEN b.box = 'excluded' THEN coalesce(
                e.reason, CASE WHEN nullif(trim(b.stated_reason), '') IS NULL THEN 'NOT STATED' ELSE 'OTHER' END
            )
        END AS reason
    FROM boxed AS b
    LEFT JOIN study.exclusion_reason AS e ON upper(trim(e.reason)) = upper(trim(b.stated_reason))
),
listed AS (
    SELECT usubjid, site_id, subject_id FROM core.participants
    UNION
    SELECT usubjid, site_id, subject_id FROM core.allocation
),
critical AS (
    SELECT site_id, subject_id, count(*) AS n_queries, min(opened_on) AS opened_on
    FROM quality.data_query
    WHERE blinding = 'safe' AND severity = 'critical' AND status IN ('open', 'miscorrected')
    GROUP BY site_id, subject_id
)
SELECT
    'K07' AS number,
    p.site_id,
    p.usubjid AS unit,
    p.usubjid,
    CAST(1 AS BIGINT) AS n,
    CAST(CASE WHEN p.box = 'withdrawn' THEN 1 ELSE 0 END AS BIGINT) AS x,
    CAST(0 AS BIGINT) AS n_critical,
    p.entered_on AS first_on,
    CAST(NULL AS DATE) AS turns_on,
    p.came_at,
    p.changed_at,
    0 AS n_evidence,
    NULL AS value
FROM reasoned AS p
WHERE p.in_trial
UNION ALL
SELECT
    'K10' AS number, l.site_id, l.usubjid AS unit, l.usubjid,
    1 AS n, CASE WHEN q.n_queries > 0 THEN 1 ELSE 0 END AS x, 0 AS n_critical,
    CAST(NULL AS DATE) AS first_on, CAST(NULL AS DATE) AS turns_on, k.came_at, c.changed_at,
    coalesce(q.n_queries, 0) AS n_evidence, NULL AS value
FROM listed AS l
LEFT JOIN critical AS q ON q.site_id = l.site_id AND q.subject_id = l.subject_id
LEFT JOIN changed AS c ON c.usubjid = l.usubjid
LEFT JOIN came AS k ON k.usubjid = l.usubjid
UNION ALL
SELECT
    'K16' AS number, p.site_id, p.usubjid AS unit, p.usubjid,
    1 AS n, CASE WHEN p.study_status = 'SCREEN FAILURE' THEN 1 ELSE 0 END AS x, 0 AS n_critical,
    p.entered_on AS first_on, CAST(NULL AS DATE) AS turns_on, p.came_at, p.changed_at, 0 AS n_evidence, NULL AS value
FROM reasoned AS p
WHERE p.in_trial AND p.has_allocation
UNION ALL
SELECT
    unnest([p.box, CASE WHEN p.reason IS NOT NULL THEN p.box || ': ' || p.reason END,
        CASE WHEN p.in_trial THEN 'randomised' END]) AS number,
    p.site_id, p.usubjid AS unit, p.usubjid, 1 AS n, 1 AS x, 0 AS n_critical,
    CASE WHEN p.in_trial THEN p.entered_on ELSE p.consent_date END AS first_on, CAST(NULL AS DATE) AS turns_on,
    p.came_at, p.changed_at, 0 AS n_evidence, NULL AS value
FROM reasoned AS p
UNION ALL
SELECT
    'screened' AS number, p.site_id, p.usubjid AS unit, p.usubjid, 1 AS n, 1 AS x, 0 AS n_critical,
    CASE WHEN p.in_trial THEN p.entered_on ELSE p.consent_date END AS first_on, CAST(NULL AS DATE) AS turns_on,
    p.came_at, p.changed_at, 0 AS n_evidence,
    CASE WHEN p.newest_on <= p.as_of THEN p.newest_on - DATE '1970-01-01' END AS value
FROM reasoned AS p
UNION ALL
SELECT
    'eligible' AS number, p.site_id, p.usubjid AS unit, p.usubjid,
    1 AS n, CASE WHEN p.consent_date IS NOT NULL THEN 1 ELSE 0 END AS x, 0 AS n_critical,
    p.consent_date AS first_on, CAST(NULL AS DATE) AS turns_on, p.came_at, p.changed_at, 0 AS n_evidence, NULL AS value
FROM reasoned AS p
WHERE p.study_status IS DISTINCT FROM 'SCREEN FAILURE'
UNION ALL
SELECT
    'randomised_8_weeks' AS number, p.site_id, p.usubjid AS unit, p.usubjid, 1 AS n, 1 AS x, 0 AS n_critical,
    p.entered_on AS first_on, p.entered_on + 56 AS turns_on, p.came_at, p.changed_at, 0 AS n_evidence, NULL AS value
FROM reasoned AS p
WHERE p.in_trial AND p.entered_on BETWEEN p.as_of - 55 AND p.as_of
