-- What the site indicators count of forms: one row an indicator and form, or (K05) person. See quality.counted_unit.
--
-- K03: forms of visits filled in within the last 90 days that have come; bad: more than the indicator's days later.
-- One that came before it was filled in is a fault of a clock, and one of the site's first day here may have waited
-- there for long: neither is counted. K04: forms received or overdue.
-- K05: quality.primary_due. K06: items of every form, bad: without an answer. K15: forms of visits, bad: in no window.
-- visit|<visit>|<state>: everybody in the trial, at each visit that all arms have in the one state of
-- quality.visit_return: received: a form of the visit came. Else excused: the person left before the window closed.
-- not_yet: the window opens later, or it is not known when. open: today lies in it. overdue: it has closed.
--
-- `value` is what is ranked: of K03 the days to receipt, of K04 those after the window's close (of forms that came, once
-- the window has closed), of K06 the number of the day that a form of a visit is of (days since 1970).
WITH arrived AS (
    SELECT site_id, place, min(received_at) AS came_at
    FROM input.delivery
    WHERE feed = 'questionnaires' AND status IN ('accepted', 'partial')
    GROUP BY site_id, place
),
changed AS (
    SELECT usubjid, instrument, changed_at FROM quality.last_change WHERE feed = 'questionnaires'
),
form AS (
    SELECT f.*, f.received_on - f.completed_on AS lag_days, a.came_at, c.changed_at
    FROM quality.scoped_form AS f
    LEFT JOIN arrived AS a ON a.site_id = f.site_id AND a.place = f.known_from
    LEFT JOIN changed AS c ON c.usubjid = f.usubjid AND c.instrument = f.instrument
    WHERE NOT f.one_arm
),
person_form AS (
    SELECT
        p.site_id, f.usubjid, f.avisit, f.instrument, f.overdue, f.due_on, f.completed_on, f.n_answered, f.n_items,
        f.received AND NOT f.scored AS unscored,
        s.primary_paramcd, s.primary_avisit, s.as_of
    FROM quality.person_form AS f
    JOIN core.subject AS p ON p.usubjid = f.usubjid
    JOIN study.visit AS v ON v.avisit = f.avisit AND v.shared_by_all_arms
    CROSS JOIN study.setting AS s
    WHERE f.received OR f.overdue
),
first_come AS (
    SELECT f.usubjid, f.instrument, f.completed_on, min(f.received_on) AS received_on, min(a.came_at) AS came_at
    FROM quality.scoped_form AS f
    LEFT JOIN arrived AS a ON a.site_id = f.site_id AND a.place = f.known_from
    WHERE f.source = 'visit'
    GROUP BY f.usubjid, f.instrument, f.completed_on
),
primary_form AS (
    SELECT f.usubjid, CAST(sum(f.n_answered) AS BIGINT) AS n_answered
    FROM person_form AS f
    JOIN study.score AS s ON s.paramcd = f.primary_paramcd AND s.instrument = f.instrument
    WHERE f.avisit = f.primary_avisit
    GROUP BY f.usubjid
),
visit_form AS (
    SELECT
        f.usubjid, f.avisit, count(*) AS n_forms, min(f.completed_on) AS completed_on, min(r.came_at) AS came_at
    FROM quality.person_form AS f
    LEFT JOIN first_come AS r
        ON r.usubjid = f.usubjid AND r.instrument = f.instrument AND r.completed_on = f.completed_on
    WHERE f.received
    GROUP BY f.usubjid, f.avisit
),
person_changed AS (
    SELECT usubjid, max(changed_at) AS changed_at FROM quality.last_change GROUP BY usubjid
),
visit AS (
    SELECT
        p.site_id, p.usubjid, v.avisit, p.study_end, w.opens_on, w.closes_on, r.completed_on, r.n_forms, r.came_at,
        c.changed_at,
        CASE
            WHEN r.usubjid IS NOT NULL THEN 'received'
            WHEN p.study_end < least(w.closes_on, s.as_of) OR p.study_end < w.opens_on THEN 'excused'
            WHEN w.opens_on IS NULL OR s.as_of < w.opens_on THEN 'not_yet'
            WHEN s.as_of <= w.closes_on THEN 'open'
            ELSE 'overdue'
        END AS state
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    JOIN study.visit AS v ON v.shared_by_all_arms
    SEMI JOIN study.scheduled_form AS f ON f.avisit = v.avisit
    LEFT JOIN core.planned_visit AS w ON w.usubjid = p.usubjid AND w.avisit = v.avisit
    LEFT JOIN visit_form AS r ON r.usubjid = p.usubjid AND r.avisit = v.avisit
    LEFT JOIN person_changed AS c ON c.usubjid = p.usubjid
    WHERE CASE WHEN s.has_allocation THEN p.randomised ELSE p.enrolled END
)
SELECT
    'K03' AS number,
    f.site_id,
    f.unit,
    f.usubjid,
    1 AS n,
    CASE WHEN f.lag_days > i.days THEN 1 ELSE 0 END AS x,
    CAST(0 AS BIGINT) AS n_critical,
    f.completed_on AS first_on,
    f.completed_on + 90 AS turns_on,
    f.came_at,
    f.changed_at,
    f.n_answered AS n_evidence,
    f.lag_days AS value,
    0 AS n_items,
    0 AS n_unscored
FROM form AS f
CROSS JOIN study.setting AS s
JOIN study.indicator AS i ON i.kri = 'K03'
JOIN quality.watched AS w ON w.site_id = f.site_id AND f.known_from > w.first_at + INTERVAL 1 DAY
WHERE f.source = 'visit' AND f.for_a_visit AND f.lag_days >= 0 AND f.completed_on > s.as_of - 90
UNION ALL
SELECT
    'K04' AS number, f.site_id, concat_ws('|', f.usubjid, f.avisit, f.instrument) AS unit, f.usubjid,
    1 AS n, CASE WHEN f.overdue THEN 1 ELSE 0 END AS x, 0 AS n_critical,
    coalesce(f.completed_on, f.due_on) AS first_on, CAST(NULL AS DATE) AS turns_on, r.came_at, c.changed_at,
    f.n_answered AS n_evidence,
    CASE
        WHEN NOT f.overdue AND f.due_on < f.as_of THEN greatest(coalesce(r.received_on, f.as_of) - f.due_on, 0)
    END AS value,
    f.n_items, CASE WHEN f.unscored THEN 1 ELSE 0 END AS n_unscored
FROM person_form AS f
LEFT JOIN changed AS c ON c.usubjid = f.usubjid AND c.instrument = f.instrument
LEFT JOIN first_come AS r
    ON r.usubjid = f.usubjid AND r.instrument = f.instrument AND r.completed_on = f.completed_on
UNION ALL
SELECT
    'K05' AS number, d.site_id, d.usubjid AS unit, d.usubjid,
    1 AS n, CASE WHEN d.has_value THEN 0 ELSE 1 END AS x, 0 AS n_critical,
    coalesce(d.completed_on, d.closes_on) AS first_on, CAST(NULL AS DATE) AS turns_on, r.came_at, c.changed_at,
    coalesce(f.n_answered, 0) AS n_evidence, NULL AS value, 0 AS n_items, 0 AS n_unscored
FROM quality.primary_due AS d
CROSS JOIN study.setting AS s
LEFT JOIN study.score AS p ON p.paramcd = s.primary_paramcd
LEFT JOIN changed AS c ON c.usubjid = d.usubjid AND c.instrument = p.instrument
LEFT JOIN first_come AS r
    ON r.usubjid = d.usubjid AND r.instrument = p.instrument AND r.completed_on = d.completed_on
LEFT JOIN primary_form AS f ON f.usubjid = d.usubjid
UNION ALL
SELECT
    'K06' AS number, f.site_id, f.unit, f.usubjid,
    f.n_items AS n, f.n_missing AS x, 0 AS n_critical,
    f.completed_on AS first_on, CAST(NULL AS DATE) AS turns_on, f.came_at, f.changed_at, f.n_answered AS n_evidence,
    CASE WHEN f.source = 'visit' AND f.completed_on <= s.as_of THEN f.completed_on - DATE '1970-01-01' END AS value,
    0 AS n_items, 0 AS n_unscored
FROM form AS f
CROSS JOIN study.setting AS s
UNION ALL
SELECT
    'K15' AS number, f.site_id, f.unit, f.usubjid,
    1 AS n, CASE WHEN f.outside THEN 1 ELSE 0 END AS x, 0 AS n_critical,
    f.completed_on AS first_on, CAST(NULL AS DATE) AS turns_on, f.came_at, f.changed_at, f.n_answered AS n_evidence,
    NULL AS value, 0 AS n_items, 0 AS n_unscored
FROM form AS f
WHERE f.source = 'visit' AND f.for_a_visit
UNION ALL
SELECT
    concat_ws('|', 'visit', v.avisit, v.state) AS number, v.site_id, v.usubjid || '|' || v.avisit AS unit, v.usubjid,
    1 AS n, 1 AS x, 0 AS n_critical,
    CASE v.state
        WHEN 'received' THEN v.completed_on
        WHEN 'excused' THEN v.study_end
        WHEN 'open' THEN v.opens_on
        WHEN 'overdue' THEN v.closes_on
    END AS first_on,
    CASE v.state WHEN 'not_yet' THEN v.opens_on WHEN 'open' THEN v.closes_on + 1 END AS turns_on,
    v.came_at, v.changed_at, coalesce(v.n_forms, 0) AS n_evidence,
    NULL AS value, 0 AS n_items, 0 AS n_unscored
FROM visit AS v
