-- What the site indicators count of forms: one row an indicator and form, or (K05) person. See quality.counted_unit.
--
-- K03: forms of visits filled in within the last 90 days that have come; bad: more than the indicator's days later.
-- One that came before it was filled in is a fault of a clock, and one of the site's first day here may have waited
-- there for long: neither is counted. K04: forms received or overdue.
-- K05: quality.primary_due. K06: items of every form, bad: without an answer. K15: forms of visits, bad: in no window.
WITH arrived AS (
    SELECT site_id, place, min(received_at) AS came_at
    FROM input.delivery
    WHERE feed = 'questionnaires' AND status IN ('accepted', 'partial')
    GROUP BY site_id, place
),
changed AS (
    SELECT usubjid, split_part(record_key, '|', 2) AS instrument, max(recorded_at) AS changed_at
    FROM quality.change
    WHERE feed = 'questionnaires'
    GROUP BY usubjid, split_part(record_key, '|', 2)
),
form AS (
    SELECT f.*, f.received_on - f.completed_on AS lag_days, a.came_at, c.changed_at
    FROM quality.scoped_form AS f
    LEFT JOIN arrived AS a ON a.site_id = f.site_id AND a.place = f.known_from
    LEFT JOIN changed AS c ON c.usubjid = f.usubjid AND c.instrument = f.instrument
    WHERE NOT f.one_arm
),
-- When a form of an instrument last came from a person: tells late entries from other changes.
person_form AS (
    SELECT
        p.site_id, f.usubjid, f.avisit, f.instrument, f.overdue, f.due_on, f.completed_on, f.n_answered,
        s.primary_paramcd, s.primary_avisit
    FROM quality.person_form AS f
    JOIN core.subject AS p ON p.usubjid = f.usubjid
    JOIN study.visit AS v ON v.avisit = f.avisit AND v.shared_by_all_arms
    CROSS JOIN study.setting AS s
    WHERE f.received OR f.overdue
),
primary_form AS (
    SELECT f.usubjid, sum(f.n_answered) AS n_answered
    FROM person_form AS f
    JOIN study.score AS s ON s.paramcd = f.primary_paramcd AND s.instrument = f.instrument
    WHERE f.avisit = f.primary_avisit
    GROUP BY f.usubjid
)
SELECT
    'K03' AS number,
    f.site_id,
    f.unit,
    f.usubjid,
    1 AS n,
    CASE WHEN f.lag_days > i.days THEN 1 ELSE 0 END AS x,
    0 AS n_critical,
    f.completed_on AS first_on,
    f.completed_on + 90 AS turns_on,
    f.came_at,
    f.changed_at,
    f.n_answered AS n_evidence
FROM form AS f
CROSS JOIN study.setting AS s
JOIN study.indicator AS i ON i.kri = 'K03'
JOIN quality.watched AS w ON w.site_id = f.site_id AND f.known_from > w.first_at + INTERVAL 1 DAY
WHERE f.source = 'visit' AND f.for_a_visit AND f.lag_days >= 0 AND f.completed_on > s.as_of - 90
UNION ALL
SELECT
    'K04' AS number, f.site_id, concat_ws('|', f.usubjid, f.avisit, f.instrument) AS unit, f.usubjid,
    1 AS n, CASE WHEN f.overdue THEN 1 ELSE 0 END AS x, 0 AS n_critical,
    coalesce(f.completed_on, f.due_on) AS first_on, CAST(NULL AS DATE) AS turns_on,
    CAST(NULL AS TIMESTAMPTZ) AS came_at, c.changed_at, f.n_answered AS n_evidence
FROM person_form AS f
LEFT JOIN changed AS c ON c.usubjid = f.usubjid AND c.instrument = f.instrument
UNION ALL
SELECT
    'K05' AS number, d.site_id, d.usubjid AS unit, d.usubjid,
    1 AS n, CASE WHEN d.has_value THEN 0 ELSE 1 END AS x, 0 AS n_critical,
    coalesce(d.completed_on, d.closes_on) AS first_on, CAST(NULL AS DATE) AS turns_on,
    CAST(NULL AS TIMESTAMPTZ) AS came_at, c.changed_at, coalesce(f.n_answered, 0) AS n_evidence
FROM quality.primary_due AS d
CROSS JOIN study.setting AS s
LEFT JOIN study.score AS p ON p.paramcd = s.primary_paramcd
LEFT JOIN changed AS c ON c.usubjid = d.usubjid AND c.instrument = p.instrument
LEFT JOIN primary_form AS f ON f.usubjid = d.usubjid
UNION ALL
SELECT
    'K06' AS number, f.site_id, f.unit, f.usubjid,
    f.n_items AS n, f.n_missing AS x, 0 AS n_critical,
    f.completed_on AS first_on, CAST(NULL AS DATE) AS turns_on, f.came_at, f.changed_at, f.n_answered AS n_evidence
FROM form AS f
UNION ALL
SELECT
    'K15' AS number, f.site_id, f.unit, f.usubjid,
    1 AS n, CASE WHEN f.outside THEN 1 ELSE 0 END AS x, 0 AS n_critical,
    f.completed_on AS first_on, CAST(NULL AS DATE) AS turns_on, f.came_at, f.changed_at, f.n_answered AS n_evidence
FROM form AS f
WHERE f.source = 'visit' AND f.for_a_visit
