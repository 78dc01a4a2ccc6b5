-- What the site indicators count of data queries and withdrawn rows: one row a number and query, person, or form.
-- See quality.counted_unit. Only what everybody may see counts.
--
-- K11: of those from whom the primary outcome is due, who has an open query on one of its forms at its visit. K12: all
-- queries; bad: open for more than the indicator's days, and known here for as long; `value`: of a closed one the days
-- until then. open_queries: those that are open.
-- K14: rows ever held, people and answers; bad: left out by a later full export and not restored since, of them
-- critical those of the primary outcome. Not counted is what only one arm can have.
WITH query AS (
    SELECT
        q.query_id, q.site_id, q.subject_id, q.feed, q.record_key, q.opened_on,
        CASE WHEN q.closed_on IS NOT NULL THEN q.age_days END AS days_to_close,
        greatest(q.opened_on, w.first_on) AS known_on, s.as_of,
        s.study_id || '-' || q.site_id || '-' || q.subject_id AS usubjid,
        q.status IN ('open', 'miscorrected') AS is_open
    FROM quality.data_query AS q
    CROSS JOIN study.setting AS s
    LEFT JOIN quality.watched AS w ON w.site_id = q.site_id
    WHERE q.blinding = 'safe'
),
on_primary AS (
    SELECT q.usubjid, count(*) AS n_queries
    FROM query AS q
    CROSS JOIN study.setting AS s
    JOIN study.score AS p ON p.paramcd = s.primary_paramcd
    WHERE
        q.feed = 'questionnaires' AND q.is_open
        AND split_part(q.record_key, '|', 2) = p.instrument
        AND upper(trim(split_part(q.record_key, '|', 3))) = upper(s.primary_avisit)
    GROUP BY q.usubjid
),
last_change AS (
    SELECT
        feed, site_id, record_key, usubjid,
        max_by(change, seq) AS change,
        bool_or(is_primary_outcome) AS is_primary_outcome,
        max(recorded_at) AS recorded_at
    FROM quality.change
    WHERE feed IN ('participants', 'questionnaires')
    GROUP BY feed, site_id, record_key, usubjid
),
withdrawn AS (
    SELECT c.*
    FROM last_change AS c
    CROSS JOIN study.setting AS s
    LEFT JOIN core.subject AS p ON p.usubjid = c.usubjid
    LEFT JOIN study.visit AS v ON upper(v.avisit) = upper(trim(split_part(c.record_key, '|', 3)))
    WHERE
        c.change = 'withdrawn'
        AND (
            c.feed = 'participants'
            OR (
                coalesce(v.shared_by_all_arms, TRUE)
                AND upper(trim(split_part(c.record_key, '|', 3))) <> upper(trim(s.weekly_label))
                AND coalesce(
                    try_cast(left(split_part(c.record_key, '|', 4), 10) AS DATE) - p.reference_on
                    < (SELECT max(window_to) FROM study.visit WHERE shared_by_all_arms),
                    TRUE
                )
            )
        )
),
answered AS (
    SELECT usubjid, site_id, CAST(sum(n_answered) AS BIGINT) AS n_answered
    FROM quality.scoped_form
    WHERE source = 'visit' AND NOT one_arm
    GROUP BY usubjid, site_id
)
SELECT
    'K11' AS number,
    d.site_id,
    d.usubjid AS unit,
    d.usubjid,
    1 AS n,
    CASE WHEN q.n_queries > 0 THEN 1 ELSE 0 END AS x,
    0 AS n_critical,
    coalesce(d.completed_on, d.closes_on) AS first_on,
    CAST(NULL AS DATE) AS turns_on,
    CAST(NULL AS TIMESTAMPTZ) AS came_at,
    CAST(NULL AS TIMESTAMPTZ) AS changed_at,
    coalesce(q.n_queries, 0) AS n_evidence,
    NULL AS value
FROM quality.primary_due AS d
LEFT JOIN on_primary AS q ON q.usubjid = d.usubjid
UNION ALL
SELECT
    'K12' AS number, q.site_id, q.query_id AS unit, q.usubjid,
    1 AS n, CASE WHEN q.is_open AND q.as_of - q.known_on > i.days THEN 1 ELSE 0 END AS x, 0 AS n_critical,
    q.opened_on AS first_on,
    CASE WHEN q.is_open THEN q.known_on + CAST(i.days + 1 AS INTEGER) END AS turns_on,
    CAST(NULL AS TIMESTAMPTZ) AS came_at, CAST(NULL AS TIMESTAMPTZ) AS changed_at,
    CASE WHEN q.is_open THEN 1 ELSE 0 END AS n_evidence, q.days_to_close AS value
FROM query AS q
JOIN study.indicator AS i ON i.kri = 'K12'
UNION ALL
SELECT
    'open_queries' AS number, q.site_id, q.query_id AS unit, q.usubjid, 1 AS n, CASE WHEN q.is_open THEN 1 ELSE 0 END AS x,
    0 AS n_critical, q.opened_on AS first_on, CAST(NULL AS DATE) AS turns_on,
    CAST(NULL AS TIMESTAMPTZ) AS came_at, CAST(NULL AS TIMESTAMPTZ) AS changed_at,
    CASE WHEN q.is_open THEN 1 ELSE 0 END AS n_evidence, NULL AS value
FROM query AS q
UNION ALL
SELECT
    'K14' AS number, p.site_id, p.usubjid AS unit, p.usubjid,
    1 + coalesce(a.n_answered, 0) AS n, 0 AS x, 0 AS n_critical,
    CAST(NULL AS DATE) AS first_on, CAST(NULL AS DATE) AS turns_on,
    CAST(NULL AS TIMESTAMPTZ) AS came_at, CAST(NULL AS TIMESTAMPTZ) AS changed_at,
    coalesce(a.n_answered, 0) AS n_evidence, NULL AS value
FROM core.subject AS p
LEFT JOIN answered AS a ON a.usubjid = p.usubjid
UNION ALL
SELECT
    'K14' AS number, w.site_id,
    concat_ws('|', 'withdrawn', w.feed, w.usubjid, split_part(w.record_key, '|', 2), split_part(w.record_key, '|', 3),
        split_part(w.record_key, '|', 4)) AS unit,
    max(w.usubjid) AS usubjid,
    count(*) AS n, count(*) AS x, count(*) FILTER (WHERE w.is_primary_outcome) AS n_critical,
    CAST(NULL AS DATE) AS first_on, CAST(NULL AS DATE) AS turns_on,
    CAST(NULL AS TIMESTAMPTZ) AS came_at, max(w.recorded_at) AS changed_at, count(*) AS n_evidence,
    NULL AS value
FROM withdrawn AS w
GROUP BY w.site_id, unit
