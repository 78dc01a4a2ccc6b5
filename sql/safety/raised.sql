-- Everything that a clinician must be told of: one row an alert, before anybody acknowledged it.
--
-- item_answer: an answer at or above the instrument's levels of danger (study.risk_item), of any form and of whomever,
-- known or not; a higher answer to the same item is an alert of its own. It stays when a later export leaves the
-- answer out, or its delivery is refused (`standing` is then false); a correction below the level ends it.
-- item_hidden: the answer to such an item was refused, and none is accepted. form_hidden: so many records of a delivery
-- of questionnaires were refused of which not even the key could be read; any of them may hold one.
-- deterioration: the first record of a spell of reliable deterioration. serious_event: a serious adverse event.
-- noticed_at is the place in time of the first delivery that showed it so.
WITH told AS (
    SELECT
        h.site_id, h.record_key, h.usubjid, h.subject_id, h.instrument, h.item, h.visit, h.completed_on,
        CASE WHEN try_cast(h.value AS BIGINT) >= r.urgent THEN 'urgent' ELSE 'flag' END AS severity,
        h.valid_from, h.valid_to_seq IS NULL AS counts
    FROM core.questionnaires_history AS h
    JOIN study.risk_item AS r ON r.instrument = h.instrument AND r.item = h.item
    WHERE try_cast(h.value AS BIGINT) >= r.flag
    UNION ALL
    SELECT
        a.site_id, a.record_key, s.study_id || '-' || a.site_id || '-' || a.subject_id AS usubjid, a.subject_id,
        a.instrument, a.item, a.visit, a.completed_on,
        CASE WHEN try_cast(a.value AS BIGINT) >= r.urgent THEN 'urgent' ELSE 'flag' END AS severity,
        d.place AS valid_from, FALSE AS counts
    FROM input.refused_answer AS a
    JOIN study.risk_item AS r ON r.instrument = a.instrument AND r.item = a.item
    JOIN input.delivery AS d ON d.delivery_id = a.delivery_id
    CROSS JOIN study.setting AS s
    WHERE try_cast(a.value AS BIGINT) >= r.flag
),
spoken AS (
    SELECT
        site_id, record_key, usubjid, subject_id, instrument, item, visit, completed_on, severity,
        min(valid_from) AS noticed_at, bool_or(counts) AS standing
    FROM told
    GROUP BY site_id, record_key, usubjid, subject_id, instrument, item, visit, completed_on, severity
),
item_answer AS (
    SELECT
        'item_answer' AS kind, s.severity, s.site_id, s.record_key, s.usubjid, s.subject_id,
        s.instrument || ' item ' || s.item AS what, s.visit, s.completed_on AS occurred_on, s.noticed_at, s.standing,
        1 AS n_records
    FROM spoken AS s
    LEFT JOIN core.questionnaires AS now ON now.site_id = s.site_id AND now.record_key = s.record_key
    WHERE s.standing OR now.record_key IS NULL
),
refused AS (
    SELECT q.site_id, q.record_key, min(d.place) AS noticed_at
    FROM input.quarantine AS q
    JOIN input.delivery AS d ON d.delivery_id = q.delivery_id
    WHERE q.feed = 'questionnaires' AND q.record_key IS NOT NULL
    GROUP BY q.site_id, q.record_key
),
item_hidden AS (
    SELECT
        'item_hidden' AS kind, 'flag' AS severity, u.site_id, u.record_key, u.usubjid,
        regexp_extract(u.record_key, '^[^|]*') AS subject_id,
        u.instrument || ' item ' || u.item AS what, u.visit, u.completed_on AS occurred_on, f.noticed_at,
        TRUE AS standing, 1 AS n_records
    FROM outcome.unusable_answer AS u
    JOIN study.risk_item AS r ON r.instrument = u.instrument AND r.item = u.item
    JOIN refused AS f ON f.site_id = u.site_id AND f.record_key = u.record_key
    WHERE u.state = 'quarantined'
),
form_hidden AS (
    SELECT
        'form_hidden' AS kind, 'flag' AS severity, q.site_id, q.delivery_id AS record_key,
        CAST(NULL AS VARCHAR) AS usubjid, CAST(NULL AS VARCHAR) AS subject_id,
        'records that could not be told apart' AS what, CAST(NULL AS VARCHAR) AS visit,
        CAST(NULL AS DATE) AS occurred_on, min(d.place) AS noticed_at, TRUE AS standing,
        count(DISTINCT q.row_no) AS n_records
    FROM input.quarantine AS q
    JOIN core.counted_delivery AS d ON d.delivery_id = q.delivery_id AND d.replaced_by_seq IS NULL
    WHERE q.feed = 'questionnaires' AND q.record_key IS NULL AND EXISTS (SELECT 1 FROM study.risk_item)
    GROUP BY q.site_id, q.delivery_id
),
compared AS (
    SELECT
        usubjid, siteid, subjid, paramcd, aseq, adt, visit, relchgfl,
        lag(relchgfl) OVER (PARTITION BY usubjid, paramcd ORDER BY aseq) AS before
    FROM analysis.adqs
    WHERE relchgfl IS NOT NULL
),
worse AS (
    SELECT c.usubjid, c.siteid, c.subjid, c.paramcd, c.adt, c.visit, r.form_no
    FROM compared AS c
    JOIN outcome.record AS r ON r.usubjid = c.usubjid AND r.paramcd = c.paramcd AND r.aseq = c.aseq
    WHERE c.relchgfl = 'DETERIORATED' AND c.before IS DISTINCT FROM 'DETERIORATED'
),
deterioration AS (
    SELECT
        'deterioration' AS kind, 'flag' AS severity, w.siteid AS site_id,
        concat_ws('|', w.subjid, w.paramcd, coalesce(w.visit, ''), coalesce(f.completed_at, f.completed_on))
            AS record_key,
        w.usubjid, w.subjid AS subject_id, w.paramcd AS what, w.visit, w.adt AS occurred_on,
        min(h.valid_from) AS noticed_at, TRUE AS standing, 1 AS n_records
    FROM worse AS w
    JOIN outcome.form AS f ON f.form_no = w.form_no
    JOIN core.questionnaires_history AS h
        ON h.usubjid = f.usubjid AND h.instrument = f.instrument AND h.visit IS NOT DISTINCT FROM f.visit
        AND h.completed_on = f.completed_on AND h.completed_at IS NOT DISTINCT FROM f.completed_at
        AND h.value IS NOT NULL
    GROUP BY w.siteid, w.subjid, w.usubjid, w.paramcd, w.visit, w.adt, f.completed_at, f.completed_on
),
serious AS (
    SELECT
        'serious_event' AS kind, 'urgent' AS severity, a.site_id, a.record_key, a.usubjid, a.subject_id,
        'adverse event ' || a.ae_id AS what, CAST(NULL AS VARCHAR) AS visit, a.onset_date AS occurred_on,
        min(h.valid_from) AS noticed_at, TRUE AS standing, 1 AS n_records
    FROM core.adverse_events AS a
    JOIN core.adverse_events_history AS h
        ON h.site_id = a.site_id AND h.record_key = a.record_key AND h.serious = 'Y'
    WHERE a.serious = 'Y'
    GROUP BY a.site_id, a.record_key, a.usubjid, a.subject_id, a.ae_id, a.onset_date
),
raised AS (
    SELECT * FROM item_answer
    UNION ALL SELECT * FROM item_hidden
    UNION ALL SELECT * FROM form_hidden
    UNION ALL SELECT * FROM deterioration
    UNION ALL SELECT * FROM serious
)
SELECT
    substr(sha256(concat_ws('|', kind, severity, site_id, record_key)), 1, 12) AS alert_id,
    kind,
    severity,
    site_id,
    subject_id,
    usubjid,
    what,
    visit,
    occurred_on,
    noticed_at,
    standing,
    n_records
FROM raised
