-- What is behind the counts of the checks that everybody may see: one row a site, unit (person, form, delivery, column,
-- stream) and checks that look at it. `checks`: their names, joined by commas; each counts `n` of it, and those in
-- `failing` fail `x` of it. `answered`: rules that the unit breaks, with an answer that holds, so that it does not fail.
-- Units alike in all else stand in one row. The other columns are those of quality.counted_unit, whose units K04, K05,
-- K06 and K15 are those of the four checks that those indicators judge too.
--
-- refused: rows of files that stand; of each rule that set rows aside (refused_…) the rows. A full export is a unit by
-- its stream, whatever its latest file; any other file by itself. Rules of which a check asks the same have no card.
-- Nothing of what only one arm can have, and no delivery that blinded readers may not know of.
WITH person_changed AS (
    SELECT usubjid, max(changed_at) AS changed_at
    FROM quality.last_change
    WHERE feed IN ('participants', 'allocation')
    GROUP BY usubjid
),
form_changed AS (
    SELECT usubjid, instrument, changed_at FROM quality.last_change WHERE feed = 'questionnaires'
),
person AS (
    SELECT
        l.site_id, l.subject_id, l.usubjid, p.consent_date, p.status, p.status_date, a.randomised_on, l.came_at,
        p.usubjid IS NOT NULL AS listed, a.usubjid IS NOT NULL AS allocated, c.changed_at
    FROM (
        SELECT h.site_id, h.subject_id, h.usubjid, max(h.came_at) AS came_at
        FROM (
            SELECT p.site_id, p.subject_id, p.usubjid, min(d.received_at) AS came_at
            FROM core.participants_history AS p
            JOIN input.delivery AS d ON d.sequence = p.valid_from_seq
            GROUP BY p.site_id, p.subject_id, p.usubjid
            UNION ALL
            SELECT a.site_id, a.subject_id, a.usubjid, min(d.received_at) AS came_at
            FROM core.allocation_history AS a
            JOIN input.delivery AS d ON d.sequence = a.valid_from_seq
            GROUP BY a.site_id, a.subject_id, a.usubjid
        ) AS h
        GROUP BY h.site_id, h.subject_id, h.usubjid
    ) AS l
    LEFT JOIN core.participants AS p ON p.usubjid = l.usubjid
    LEFT JOIN core.allocation AS a ON a.usubjid = l.usubjid
    LEFT JOIN person_changed AS c ON c.usubjid = l.usubjid
    WHERE p.usubjid IS NOT NULL OR a.usubjid IS NOT NULL
),
arrived AS (
    SELECT site_id, place, min(received_at) AS came_at
    FROM input.delivery
    WHERE feed = 'questionnaires' AND status IN ('accepted', 'partial')
    GROUP BY site_id, place
),
-- Forms when they first came.
form AS (
    SELECT h.site_id, h.subject_id, h.instrument, h.label, h.completed_on, h.completed_at, min(a.came_at) AS came_at
    FROM core.form_history AS h
    JOIN arrived AS a ON a.site_id = h.site_id AND a.place = h.valid_from
    WHERE NOT h.weekly
    GROUP BY h.site_id, h.subject_id, h.instrument, h.label, h.completed_on, h.completed_at
),
form_on AS (
    SELECT site_id, subject_id, instrument, completed_on, min(came_at) AS came_at
    FROM form
    GROUP BY site_id, subject_id, instrument, completed_on
),
at_visit AS (
    SELECT
        s.site_id, s.subject_id, s.instrument, s.window_avisit,
        max(s.completed_on) AS completed_on, max(f.came_at) AS came_at
    FROM core.form_spell AS s
    JOIN form AS f
        ON f.site_id = s.site_id AND f.subject_id = s.subject_id AND f.instrument = s.instrument
        AND f.label IS NOT DISTINCT FROM s.label AND f.completed_on = s.completed_on
        AND f.completed_at IS NOT DISTINCT FROM s.completed_at
    WHERE s.known_to IS NULL AND s.window_avisit IS NOT NULL AND NOT s.weekly
    GROUP BY s.site_id, s.subject_id, s.instrument, s.window_avisit
),
judged AS (
    SELECT rule, site_id, subject_id, record_key, 'person' AS kind
    FROM quality.judged_person
    WHERE
        known_to IS NULL AND NOT one_arm
        AND rule NOT IN ('unknown_subject_allocation', 'allocation_without_consent', 'status_without_allocation')
    UNION
    SELECT rule, site_id, subject_id, record_key, CASE WHEN rule = 'two_forms_for_visit' THEN 'visit' ELSE 'form' END AS kind
    FROM quality.judged_form
    WHERE
        known_to IS NULL AND NOT one_arm
        AND rule NOT IN ('unknown_subject_questionnaires', 'form_outside_windows', 'visit_label_disagrees')
    UNION
    SELECT rule, site_id, subject_id, record_key, 'total' AS kind
    FROM quality.judged_total
    WHERE known_to IS NULL AND NOT one_arm
),
asked AS (
    SELECT rule, site_id, record_key, bool_or(status IN ('open', 'miscorrected')) AS is_open
    FROM quality.data_query
    WHERE blinding = 'safe' AND status <> 'closed'
    GROUP BY rule, site_id, record_key
),
ruled AS (
    SELECT
        j.rule, j.site_id, j.subject_id, j.record_key, j.kind, p.usubjid, p.came_at AS person_came_at,
        split_part(j.record_key, '|', 2) AS instrument,
        split_part(j.record_key, '|', 3) AS avisit,
        try_cast(split_part(j.record_key, '|', CASE WHEN j.kind = 'total' THEN -2 ELSE -1 END) AS DATE) AS completed_on,
        coalesce(q.is_open, FALSE) AS fails,
        coalesce(NOT q.is_open, FALSE) AS answered,
        p.changed_at AS person_changed_at,
        CASE
            WHEN j.rule LIKE 'consent_%' THEN p.consent_date
            WHEN j.rule LIKE 'status_date_%' THEN p.status_date
            ELSE p.randomised_on
        END AS person_on
    FROM judged AS j
    JOIN study.query_rule AS r ON r.rule = j.rule AND r.used AND r.blinding = 'safe'
    LEFT JOIN person AS p ON p.site_id = j.site_id AND p.subject_id = j.subject_id
    LEFT JOIN asked AS q ON q.rule = j.rule AND q.site_id = j.site_id AND q.record_key = j.record_key
),
looked_at AS (
    SELECT
        r.rule AS check_name, r.site_id, r.record_key AS unit, r.usubjid, r.fails, r.answered,
        r.person_on AS first_on,
        CASE WHEN r.rule LIKE '%_in_future' AND (r.fails OR r.answered) THEN r.person_on END AS turns_on,
        r.person_came_at AS came_at, r.person_changed_at AS changed_at
    FROM ruled AS r
    WHERE r.kind = 'person'
    UNION ALL
    SELECT
        r.rule, r.site_id, r.record_key, r.usubjid, r.fails, r.answered,
        coalesce(v.completed_on, r.completed_on), CAST(NULL AS DATE),
        greatest(v.came_at, f.came_at, r.person_came_at), c.changed_at
    FROM ruled AS r
    LEFT JOIN form_on AS f
        ON r.kind <> 'visit' AND f.site_id = r.site_id AND f.subject_id = r.subject_id AND f.instrument = r.instrument
        AND f.completed_on = r.completed_on
    LEFT JOIN at_visit AS v
        ON r.kind = 'visit' AND v.site_id = r.site_id AND v.subject_id = r.subject_id AND v.instrument = r.instrument
        AND v.window_avisit = r.avisit
    LEFT JOIN form_changed AS c ON c.usubjid = r.usubjid AND c.instrument = r.instrument
    WHERE r.kind <> 'person'
    UNION ALL
    SELECT
        'visit_label_disagrees', f.site_id, f.unit, f.usubjid, f.disagrees, FALSE, f.completed_on, CAST(NULL AS DATE),
        greatest(a.came_at, p.came_at), c.changed_at
    FROM quality.scoped_form AS f
    LEFT JOIN person AS p ON p.usubjid = f.usubjid
    LEFT JOIN arrived AS a ON a.site_id = f.site_id AND a.place = f.known_from
    LEFT JOIN form_changed AS c ON c.usubjid = f.usubjid AND c.instrument = f.instrument
    WHERE f.source = 'visit' AND f.comparable AND NOT f.one_arm
    UNION ALL
    SELECT
        unnest([
            'unknown_subjects_allocation', CASE WHEN p.listed THEN 'allocation_without_consent' END
        ]),
        p.site_id, p.subject_id, p.usubjid,
        unnest([NOT p.listed, p.consent_date IS NULL OR coalesce(p.consent_date > p.randomised_on, FALSE)]),
        FALSE, p.randomised_on, CAST(NULL AS DATE), p.came_at, p.changed_at
    FROM person AS p
    WHERE p.allocated
    UNION ALL
    SELECT
        'status_without_allocation', p.site_id, p.subject_id, p.usubjid, NOT p.allocated, FALSE,
        coalesce(p.randomised_on, p.status_date), CAST(NULL AS DATE), p.came_at, p.changed_at
    FROM person AS p
    WHERE p.listed AND p.status IN ('randomised', 'completed')
    UNION ALL
    SELECT
        'unknown_subjects_questionnaires', q.site_id, q.subject_id, max(p.usubjid), NOT coalesce(bool_or(p.listed), FALSE),
        FALSE, CAST(NULL AS DATE), CAST(NULL AS DATE), greatest(max(p.came_at), max(f.came_at)), max(p.changed_at)
    FROM (SELECT DISTINCT site_id, subject_id FROM core.questionnaires) AS q
    LEFT JOIN person AS p ON p.site_id = q.site_id AND p.subject_id = q.subject_id
    LEFT JOIN (SELECT site_id, subject_id, min(came_at) AS came_at FROM form GROUP BY site_id, subject_id) AS f
        ON f.site_id = q.site_id AND f.subject_id = q.subject_id
    GROUP BY q.site_id, q.subject_id
),
file AS (
    SELECT
        d.delivery_id, d.site_id, d.feed, d.stands, coalesce(d.n_rows, 0) AS n_rows,
        coalesce(d.n_quarantined, 0) AS n_quarantined, d.status, i.received_at,
        d.status IN ('accepted', 'partial') AS counts, shown.delivery_id IS NOT NULL AS is_shown,
        concat_ws('|', d.feed, d.stream, CASE WHEN i.scope <> 'full' THEN d.delivery_id END) AS unit,
        CAST(timezone(s.timezone, d.place) AS DATE) AS arrived_on
    FROM quality.delivery AS d
    JOIN input.delivery AS i ON i.delivery_id = d.delivery_id
    JOIN study.site AS s ON s.site_id = d.site_id
    LEFT JOIN quality.shown_delivery AS shown ON shown.delivery_id = d.delivery_id
),
set_aside AS (
    SELECT delivery_id, rule, count(DISTINCT row_no) AS n_rows
    FROM input.quarantine
    GROUP BY delivery_id, rule
),
compared AS (
    SELECT
        p.site_id, p.feed, p.stream, v.column_name, max(p.arrived_on) AS arrived_on, max(i.received_at) AS came_at
    FROM quality.compared_delivery AS p
    JOIN quality.shown_delivery AS shown ON shown.delivery_id = p.delivery_id
    JOIN input.delivery AS i ON i.delivery_id = p.delivery_id
    JOIN input.delivery_variable AS v ON v.delivery_id IN (p.delivery_id, p.previous_delivery_id)
    GROUP BY p.site_id, p.feed, p.stream, v.column_name
),
alert AS (
    SELECT
        d.site_id, d.feed, d.stream, d.column_name,
        string_agg(DISTINCT 'drift_' || d.change, ',' ORDER BY 'drift_' || d.change) AS failing,
        min(p.arrived_on + CAST(l.days + 1 AS INTEGER)) AS turns_on
    FROM quality.drift AS d
    JOIN quality.shown_delivery AS shown ON shown.delivery_id = d.delivery_id
    JOIN quality.compared_delivery AS p ON p.delivery_id = d.delivery_id
    CROSS JOIN study.drift_limit AS l
    WHERE d.stands
    GROUP BY d.site_id, d.feed, d.stream, d.column_name
),
unit AS (
    SELECT
        string_agg(l.check_name, ',' ORDER BY l.check_name) AS checks,
        string_agg(CASE WHEN l.fails THEN l.check_name END, ',' ORDER BY l.check_name) AS failing,
        string_agg(CASE WHEN l.answered THEN l.check_name END, ',' ORDER BY l.check_name) AS answered,
        l.site_id, l.unit, l.usubjid, 1 AS n, 1 AS x, l.first_on, l.turns_on, l.came_at, l.changed_at, 0 AS n_evidence
    FROM looked_at AS l
    JOIN study.site AS s ON s.site_id = l.site_id
    CROSS JOIN study.setting AS t
    WHERE
        l.check_name IS NOT NULL
        AND (t.has_allocation OR l.check_name NOT IN ('allocation_without_consent', 'status_without_allocation'))
    GROUP BY l.site_id, l.unit, l.usubjid, l.first_on, l.turns_on, l.came_at, l.changed_at
    UNION ALL
    SELECT
        'quarantined_' || f.feed, CASE WHEN f.n_quarantined > 0 THEN 'quarantined_' || f.feed END, NULL,
        f.site_id, f.unit, NULL, f.n_rows, f.n_quarantined, f.arrived_on, NULL, f.received_at, NULL, 0
    FROM file AS f
    WHERE f.stands AND f.counts AND (f.feed = 'participants' OR (f.feed = 'questionnaires' AND f.is_shown))
    UNION ALL
    SELECT
        'refused', NULL, NULL, f.site_id, f.unit, NULL, f.n_rows, 0, f.arrived_on, NULL, f.received_at, NULL, 0
    FROM file AS f
    WHERE f.stands AND f.counts AND f.is_shown
    UNION ALL
    SELECT
        'refused_' || a.rule, 'refused_' || a.rule, NULL, f.site_id, f.unit, NULL, f.n_rows, a.n_rows,
        f.arrived_on, NULL, f.received_at, NULL, 0
    FROM file AS f
    JOIN set_aside AS a ON a.delivery_id = f.delivery_id
    WHERE f.stands AND f.counts AND f.is_shown
    UNION ALL
    SELECT
        'refused_deliveries', CASE WHEN f.stands AND f.status IN ('rejected', 'held') THEN 'refused_deliveries' END, NULL,
        f.site_id, f.delivery_id, NULL, 1, 1, f.arrived_on, NULL, f.received_at, NULL, 0
    FROM file AS f
    WHERE f.is_shown
    UNION ALL
    SELECT
        'overdue_deliveries', CASE WHEN a.overdue THEN 'overdue_deliveries' END, NULL,
        a.site_id, concat_ws('|', a.feed, a.stream), NULL, 1, 1, a.last_on,
        CASE WHEN NOT a.overdue THEN a.due_on + 1 END, NULL, NULL, a.n_arrived
    FROM quality.arrival AS a
    WHERE a.expected_every_days IS NOT NULL AND a.blinding IN ('safe', 'outcome')
    UNION ALL
    SELECT
        'drift_gone,drift_missing_jumped,drift_moved,drift_new,drift_range_shifted,drift_recoded,drift_type_changed',
        a.failing, NULL, c.site_id, concat_ws('|', c.feed, c.stream, c.column_name), NULL, 1, 1,
        c.arrived_on, a.turns_on, c.came_at, NULL, 0
    FROM compared AS c
    LEFT JOIN alert AS a
        ON a.site_id = c.site_id AND a.feed = c.feed AND a.stream = c.stream AND a.column_name = c.column_name
)
SELECT
    u.checks,
    u.site_id,
    u.unit,
    u.usubjid,
    coalesce(u.failing, '') AS failing,
    coalesce(u.answered, '') AS answered,
    CAST(u.n AS BIGINT) AS n,
    CAST(u.x AS BIGINT) AS x,
    u.first_on,
    u.turns_on,
    u.came_at,
    u.changed_at,
    CAST(u.n_evidence AS BIGINT) AS n_evidence
FROM unit AS u
