-- Answers that came, or once came, and are no value: one row an answer and what became of it.
--
-- coded_missing: the cell held a missing code of the site; `reason` is what the study file says of it.
-- quarantined: the row was refused in a delivery that stands, and no accepted value of the same key counts. A row of
-- which the key itself could not be read belongs to nobody (see safety.alert and quality.quarantine).
-- lost: a value was accepted, but a later full export left it out, or its delivery was refused afterwards; nothing has
-- taken its place. A form that came again for the same visit under another date has.
WITH setting AS (
    SELECT study_id, upper(trim(weekly_label)) AS weekly_label FROM study.setting
),
refused AS (
    SELECT DISTINCT q.site_id, q.record_key
    FROM input.quarantine AS q
    JOIN core.counted_delivery AS d ON d.delivery_id = q.delivery_id AND d.replaced_by_seq IS NULL
    WHERE q.feed = 'questionnaires' AND q.record_key IS NOT NULL
),
refused_part AS (
    SELECT
        r.site_id, r.record_key,
        regexp_extract(r.record_key, '^([^|]*)\|([^|]*)\|(.*)\|([^|]*)\|([^|]*)$',
            ['subject_id', 'instrument', 'visit', 'completed', 'item']) AS part
    FROM refused AS r
    ANTI JOIN core.questionnaires AS a
        ON a.site_id = r.site_id AND a.record_key = r.record_key AND a.value IS NOT NULL
),
quarantined AS (
    SELECT
        s.study_id || '-' || r.site_id || '-' || r.part.subject_id AS usubjid,
        r.site_id,
        r.record_key,
        r.part.instrument AS instrument,
        nullif(r.part.visit, '') AS visit,
        CASE
            WHEN length(r.part.completed) > 10
                THEN CAST(timezone(site.timezone, try_cast(r.part.completed AS TIMESTAMPTZ)) AS DATE)
            ELSE try_cast(r.part.completed AS DATE)
        END AS completed_on,
        r.part.item AS item,
        'quarantined' AS state,
        CAST(NULL AS VARCHAR) AS reason
    FROM refused_part AS r
    JOIN study.site AS site ON site.site_id = r.site_id
    CROSS JOIN setting AS s
),
coded AS (
    SELECT
        usubjid, site_id, record_key, instrument, visit, completed_on, item, 'coded_missing' AS state,
        missing_reason AS reason
    FROM core.questionnaires
    WHERE value IS NULL AND missing_reason IS NOT NULL
),
once_accepted AS (
    SELECT usubjid, site_id, record_key, instrument, visit, completed_on, item
    FROM core.questionnaires_history
    WHERE valid_to_seq IS NOT NULL AND value IS NOT NULL
    UNION
    SELECT
        s.study_id || '-' || r.site_id || '-' || r.subject_id AS usubjid,
        r.site_id, r.record_key, r.instrument, r.visit, r.completed_on, r.item
    FROM input.refused_answer AS r
    CROSS JOIN setting AS s
    WHERE r.value IS NOT NULL
),
lost AS (
    SELECT
        g.usubjid, g.site_id, g.record_key, g.instrument, g.visit, g.completed_on, g.item, 'lost' AS state,
        CAST(NULL AS VARCHAR) AS reason
    FROM once_accepted AS g
    ANTI JOIN core.questionnaires AS same_key ON same_key.site_id = g.site_id AND same_key.record_key = g.record_key
    ANTI JOIN (
        SELECT DISTINCT q.usubjid, q.instrument, upper(trim(q.visit)) AS visit
        FROM core.questionnaires AS q
        CROSS JOIN setting AS s
        WHERE q.value IS NOT NULL AND upper(trim(q.visit)) <> s.weekly_label
    ) AS same_visit
        ON same_visit.usubjid = g.usubjid AND same_visit.instrument = g.instrument
        AND same_visit.visit = upper(trim(g.visit))
)
SELECT site_id, record_key, usubjid, instrument, visit, completed_on, item, state, reason FROM quarantined
UNION ALL
SELECT c.site_id, c.record_key, c.usubjid, c.instrument, c.visit, c.completed_on, c.item, c.state, c.reason
FROM coded AS c
ANTI JOIN quarantined AS q ON q.site_id = c.site_id AND q.record_key = c.record_key
UNION ALL
SELECT l.site_id, l.record_key, l.usubjid, l.instrument, l.visit, l.completed_on, l.item, l.state, l.reason
FROM lost AS l
ANTI JOIN quarantined AS q ON q.site_id = l.site_id AND q.record_key = l.record_key
