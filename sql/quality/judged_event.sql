-- Rules about contacts, adverse and intercurrent events, record by record: one row a rule, record and interval in which the rule
-- applied to it, `broken` saying whether the record broke it. `value` is what the site would correct.
--
-- Record keys: the event's own number; of `unknown_subject_…`, the person's.
WITH contact AS (
    SELECT
        c.site_id, c.subject_id, c.contact_id AS record_key, c.occurred_at, c.occurred_on, d.sequence,
        greatest(c.valid_from, t.valid_from) AS known_from,
        least(c.valid_to, t.valid_to) AS known_to,
        t.listed, t.consent_date, t.study_end
    FROM core.contacts_history AS c
    JOIN core.counted_delivery AS d ON d.delivery_id = c.delivery_id
    LEFT JOIN core.subject_history AS t
        ON t.site_id = c.site_id AND t.subject_id = c.subject_id
        AND coalesce(t.valid_from < c.valid_to, TRUE) AND coalesce(c.valid_from < t.valid_to, TRUE)
),
event AS (
    SELECT
        e.site_id, e.subject_id, e.ae_id AS record_key, e.onset_date, e.reported_on, e.serious, e.severity, d.sequence,
        greatest(e.valid_from, t.valid_from) AS known_from,
        least(e.valid_to, t.valid_to) AS known_to,
        t.listed, t.consent_date, t.study_end,
        site.timezone, s.as_of
    FROM core.adverse_events_history AS e
    JOIN core.counted_delivery AS d ON d.delivery_id = e.delivery_id
    JOIN study.site AS site ON site.site_id = e.site_id
    CROSS JOIN study.setting AS s
    LEFT JOIN core.subject_history AS t
        ON t.site_id = e.site_id AND t.subject_id = e.subject_id
        AND coalesce(t.valid_from < e.valid_to, TRUE) AND coalesce(e.valid_from < t.valid_to, TRUE)
),
intercurrent AS (
    SELECT
        e.site_id, e.subject_id, e.ice_id AS record_key, e.started_on, e.ended_on, d.sequence,
        greatest(e.valid_from, t.valid_from) AS known_from,
        least(e.valid_to, t.valid_to) AS known_to,
        t.listed
    FROM core.intercurrent_events_history AS e
    JOIN core.counted_delivery AS d ON d.delivery_id = e.delivery_id
    LEFT JOIN core.subject_history AS t
        ON t.site_id = e.site_id AND t.subject_id = e.subject_id
        AND coalesce(t.valid_from < e.valid_to, TRUE) AND coalesce(e.valid_from < t.valid_to, TRUE)
),
-- The day after the last on which a serious event could be reported in time, and the days on which dates come.
dated AS (
    SELECT
        e.*,
        CAST(timezone(e.timezone, e.known_from) AS DATE) AS known_on,
        CASE WHEN e.onset_date <= e.as_of THEN timezone(e.timezone, CAST(e.onset_date AS TIMESTAMP)) END AS onset_at,
        CASE WHEN e.reported_on <= e.as_of THEN timezone(e.timezone, CAST(e.reported_on AS TIMESTAMP)) END AS reported_at,
        e.onset_date + CAST(r.days + 1 AS INTEGER) AS late_on,
        timezone(e.timezone, CAST(e.onset_date + CAST(r.days + 1 AS INTEGER) AS TIMESTAMP)) AS late_at
    FROM event AS e
    JOIN study.query_rule AS r ON r.rule = 'serious_event_reported_late'
)
SELECT
    'contact_without_subject' AS rule,
    site_id,
    subject_id,
    record_key,
    known_from,
    known_to,
    subject_id IS NULL AS broken,
    CAST(NULL AS VARCHAR) AS value,
    sequence,
    FALSE AS one_arm
FROM contact
UNION ALL
SELECT
    'contact_without_time' AS rule, site_id, subject_id, record_key, known_from, known_to,
    occurred_at IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM contact
UNION ALL
SELECT
    'unknown_subject_contacts' AS rule, site_id, subject_id, subject_id AS record_key, known_from, known_to,
    NOT listed AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM contact
WHERE subject_id IS NOT NULL
UNION ALL
SELECT
    'contact_before_consent' AS rule, site_id, subject_id, record_key, known_from, known_to,
    occurred_on < consent_date AS broken,
    CAST(occurred_on AS VARCHAR) || ' ' || CAST(consent_date AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM contact
WHERE occurred_on IS NOT NULL AND consent_date IS NOT NULL
UNION ALL
SELECT
    'contact_after_end' AS rule, site_id, subject_id, record_key, known_from, known_to,
    occurred_on > study_end AS broken,
    CAST(occurred_on AS VARCHAR) || ' ' || CAST(study_end AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM contact
WHERE occurred_on IS NOT NULL AND study_end IS NOT NULL
UNION ALL
SELECT
    'adverse_event_without_subject' AS rule, site_id, subject_id, record_key, known_from, known_to,
    subject_id IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
UNION ALL
SELECT
    'adverse_event_without_onset' AS rule, site_id, subject_id, record_key, known_from, known_to,
    onset_date IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
UNION ALL
SELECT
    'adverse_event_without_seriousness' AS rule, site_id, subject_id, record_key, known_from, known_to,
    serious IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
UNION ALL
SELECT
    'fatal_not_serious' AS rule, site_id, subject_id, record_key, known_from, known_to,
    coalesce(serious, '') = 'N' AS broken, serious AS value, sequence, FALSE AS one_arm
FROM dated
WHERE severity = 5
UNION ALL
SELECT
    'unknown_subject_adverse_events' AS rule, site_id, subject_id, subject_id AS record_key, known_from, known_to,
    NOT listed AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
WHERE subject_id IS NOT NULL
UNION ALL
SELECT
    'reported_before_onset' AS rule, site_id, subject_id, record_key, known_from, known_to,
    reported_on < onset_date AS broken,
    CAST(reported_on AS VARCHAR) || ' ' || CAST(onset_date AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
WHERE reported_on IS NOT NULL AND onset_date IS NOT NULL
UNION ALL
-- Without a date of report a serious event is late from the day on that the limit has passed.
SELECT
    'serious_event_reported_late' AS rule, site_id, subject_id, record_key,
    CASE WHEN reported_on IS NULL AND late_on <= as_of THEN greatest(known_from, late_at) ELSE known_from END
        AS known_from,
    known_to,
    coalesce(reported_on, as_of) >= late_on AS broken,
    coalesce(CAST(reported_on AS VARCHAR), '-') || ' ' || CAST(onset_date AS VARCHAR) AS value,
    sequence, FALSE AS one_arm
FROM dated
WHERE serious = 'Y' AND onset_date IS NOT NULL
UNION ALL
SELECT
    'adverse_event_before_consent' AS rule, site_id, subject_id, record_key, known_from, known_to,
    onset_date < consent_date AS broken,
    CAST(onset_date AS VARCHAR) || ' ' || CAST(consent_date AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
WHERE onset_date IS NOT NULL AND consent_date IS NOT NULL
UNION ALL
SELECT
    'adverse_event_after_end' AS rule, site_id, subject_id, record_key, known_from, known_to,
    onset_date > study_end AS broken,
    CAST(onset_date AS VARCHAR) || ' ' || CAST(study_end AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
WHERE onset_date IS NOT NULL AND study_end IS NOT NULL
UNION ALL
-- A date that lay ahead on the day of the file is wrong until it is corrected, or until the day has come.
SELECT
    'onset_in_future' AS rule, site_id, subject_id, record_key, known_from,
    CASE WHEN onset_date > known_on THEN least(known_to, onset_at) ELSE known_to END AS known_to,
    onset_date > known_on AS broken, CAST(onset_date AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
WHERE onset_date IS NOT NULL
UNION ALL
SELECT
    'report_in_future' AS rule, site_id, subject_id, record_key, known_from,
    CASE WHEN reported_on > known_on THEN least(known_to, reported_at) ELSE known_to END AS known_to,
    reported_on > known_on AS broken, CAST(reported_on AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM dated
WHERE reported_on IS NOT NULL
UNION ALL
SELECT
    'intercurrent_event_without_subject' AS rule, site_id, subject_id, record_key, known_from, known_to,
    subject_id IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM intercurrent
UNION ALL
SELECT
    'intercurrent_event_without_start' AS rule, site_id, subject_id, record_key, known_from, known_to,
    started_on IS NULL AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM intercurrent
UNION ALL
SELECT
    'unknown_subject_intercurrent_events' AS rule, site_id, subject_id, subject_id AS record_key, known_from, known_to,
    NOT listed AS broken, CAST(NULL AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM intercurrent
WHERE subject_id IS NOT NULL
UNION ALL
SELECT
    'intercurrent_event_ends_before_start' AS rule, site_id, subject_id, record_key, known_from, known_to,
    ended_on < started_on AS broken,
    CAST(ended_on AS VARCHAR) || ' ' || CAST(started_on AS VARCHAR) AS value, sequence, FALSE AS one_arm
FROM intercurrent
WHERE started_on IS NOT NULL AND ended_on IS NOT NULL
