-- What the central statistical checks are made of: one row a kind, measure and unit (form or person). Baseline alone.
--
-- score: each person's baseline score of an instrument's first parameter, in `value`; `position` is that parameter's.
-- straight: forms of the first visit whose instrument reverses items; x: all answers, ten at least, are the same.
-- copied: such forms of twenty items at least, answered whole; `code`: digest of the answers, missing where they are all
-- the same. weekend: people with a day of consent; x: it was a Saturday or Sunday.
-- The other columns are those of quality.counted_unit: they tell why a statistic moves from one report to the next.
WITH arrived AS (
    SELECT site_id, place, min(received_at) AS came_at
    FROM input.delivery
    WHERE feed = 'questionnaires' AND status IN ('accepted', 'partial')
    GROUP BY site_id, place
),
form AS (
    SELECT
        f.form_no, f.site_id, f.usubjid, f.instrument, f.unit, f.n_answered, f.n_items, f.completed_on, a.came_at,
        v.avisitn = (SELECT min(avisitn) FROM study.visit) AS first_visit
    FROM quality.scoped_form AS f
    JOIN outcome.form_visit AS v ON v.form_no = f.form_no
    LEFT JOIN arrived AS a ON a.site_id = f.site_id AND a.place = f.known_from
    WHERE f.source = 'visit'
),
came AS (
    SELECT usubjid, instrument, completed_on, min(came_at) AS came_at FROM form GROUP BY usubjid, instrument, completed_on
),
main_score AS (
    SELECT instrument, min_by(paramcd, paramn) AS paramcd, min(paramn) AS paramn FROM study.score GROUP BY instrument
),
reversing AS (
    SELECT instrument FROM study.item GROUP BY instrument HAVING bool_or(reversed) AND count(*) >= 10
),
answered AS (
    SELECT
        f.form_no, count(*) >= 10 AND min(a.answer) = max(a.answer) AS straight, min(a.answer) < max(a.answer) AS varied,
        string_agg(a.answer, ',' ORDER BY a.item) AS answers
    FROM form AS f
    JOIN outcome.answer AS a ON a.form_no = f.form_no AND a.answer IS NOT NULL
    WHERE f.first_visit
    GROUP BY f.form_no
),
listed AS (
    SELECT h.usubjid, min(d.received_at) AS came_at
    FROM core.participants_history AS h
    JOIN input.delivery AS d ON d.sequence = h.valid_from_seq
    GROUP BY h.usubjid
),
person_changed AS (
    SELECT usubjid, max(changed_at) AS changed_at FROM quality.last_change WHERE feed = 'participants' GROUP BY usubjid
),
unit AS (
    SELECT
        'score' AS kind, s.paramcd AS measure, s.paramn AS position, q.siteid AS site_id,
        q.usubjid || '|' || s.instrument AS unit, q.usubjid, s.instrument, q.aval AS value, CAST(NULL AS VARCHAR) AS code,
        0 AS x, q.adt AS first_on, r.came_at
    FROM analysis.adqs AS q
    JOIN main_score AS s ON s.paramcd = q.paramcd
    LEFT JOIN came AS r ON r.usubjid = q.usubjid AND r.instrument = s.instrument AND r.completed_on = q.adt
    WHERE q.ablfl = 'Y' AND q.aval IS NOT NULL
    UNION ALL
    SELECT
        'straight', f.instrument, 0, f.site_id, f.unit, f.usubjid, f.instrument, NULL, NULL,
        CASE WHEN a.straight THEN 1 ELSE 0 END, f.completed_on, f.came_at
    FROM form AS f
    SEMI JOIN reversing AS r ON r.instrument = f.instrument
    JOIN answered AS a ON a.form_no = f.form_no
    UNION ALL
    SELECT
        'copied', f.instrument, 0, f.site_id, f.unit, f.usubjid, f.instrument, NULL,
        CASE WHEN a.varied THEN left(sha256(a.answers), 15) END, 0, f.completed_on, f.came_at
    FROM form AS f
    JOIN answered AS a ON a.form_no = f.form_no
    WHERE f.n_answered = f.n_items AND f.n_items >= 20
)
SELECT
    u.kind,
    u.measure,
    CAST(u.position AS BIGINT) AS position,
    u.site_id,
    u.unit,
    u.usubjid,
    u.value,
    u.code,
    CAST(u.x AS BIGINT) AS x,
    u.first_on,
    u.came_at,
    c.changed_at
FROM unit AS u
LEFT JOIN quality.last_change AS c
    ON c.feed = 'questionnaires' AND c.usubjid = u.usubjid AND c.instrument = u.instrument
UNION ALL
SELECT
    'weekend' AS kind, 'consent_date' AS measure, CAST(0 AS BIGINT) AS position, p.site_id, p.usubjid AS unit, p.usubjid,
    CAST(NULL AS DOUBLE) AS value, CAST(NULL AS VARCHAR) AS code,
    CAST(CASE WHEN isodow(p.consent_date) >= 6 THEN 1 ELSE 0 END AS BIGINT) AS x, p.consent_date AS first_on,
    l.came_at, c.changed_at
FROM core.subject AS p
LEFT JOIN listed AS l ON l.usubjid = p.usubjid
LEFT JOIN person_changed AS c ON c.usubjid = p.usubjid
WHERE p.consent_date IS NOT NULL
