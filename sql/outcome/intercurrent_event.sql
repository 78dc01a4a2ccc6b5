-- Intercurrent events (ICH E9(R1)): one row a person, kind and first day. What happens after the start of treatment
-- and changes what later measurements mean, or whether there are any.
--
-- A site records them (feed intercurrent_events), or they follow from what else it sends:
-- death: an adverse event of severity 5 or with the outcome FATAL, or leaving the study for that reason; once a person.
-- stopped_treatment: leaving the study while the treatment lasts, having been given the programme.
-- non_usage: no own event for as many days as the study file says while the programme was open: from its start
-- (core.programme) to its planned end, the end of study, the reach of the log or as-of; days of an outage of the log
-- (engagement.outage_day) do not count.
-- crossover: own use in an arm (and epoch) without the programme, or a later randomisation to another arm.
-- outage: days declared in the study file that fall into a person's treatment.
WITH treated AS (
    SELECT
        p.usubjid, p.site_id, p.starts_on,
        least(p.starts_on + CAST(7 * s.treatment_weeks - 1 AS INTEGER), p.study_end) AS last_day
    FROM core.programme AS p
    CROSS JOIN study.setting AS s
    WHERE p.programme_access
),
recorded AS (
    SELECT
        e.usubjid, e.kind, e.started_on, e.ended_on,
        CASE WHEN trim(e.reason) <> '' THEN coalesce(listed.reason, 'OTHER') END AS reason,
        'intercurrent_events' AS source, e.ice_id AS source_key, 1 AS rank
    FROM core.intercurrent_events AS e
    LEFT JOIN study.discontinuation_reason AS listed ON upper(trim(listed.reason)) = upper(trim(e.reason))
    WHERE e.kind IS NOT NULL
),
fatal AS (
    SELECT
        usubjid, 'death' AS kind, coalesce(onset_date, reported_on) AS started_on, CAST(NULL AS DATE) AS ended_on,
        'ADVERSE EVENT' AS reason, 'adverse_events' AS source, ae_id AS source_key, 2 AS rank
    FROM core.adverse_events
    WHERE severity = 5 OR upper(trim(outcome)) = 'FATAL'
),
left_for AS (
    SELECT
        p.usubjid, l.kind, p.study_end AS started_on, CAST(NULL AS DATE) AS ended_on,
        p.discontinuation_reason AS reason, 'participants' AS source, p.subject_id AS source_key, 3 AS rank
    FROM core.subject AS p
    JOIN study.leaving_reason AS l ON upper(trim(l.reason)) = upper(p.discontinuation_reason)
    WHERE p.study_status = 'DISCONTINUED'
),
stopped AS (
    SELECT
        p.usubjid, 'stopped_treatment' AS kind, p.study_end AS started_on, CAST(NULL AS DATE) AS ended_on,
        p.discontinuation_reason AS reason, 'participants' AS source, p.subject_id AS source_key, 3 AS rank
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    JOIN core.programme AS w ON w.usubjid = p.usubjid
    ANTI JOIN left_for AS d ON d.usubjid = p.usubjid AND d.kind = 'death'
    WHERE
        p.study_status = 'DISCONTINUED' AND w.programme_access
        AND p.study_end >= w.starts_on
        AND coalesce(p.study_end < w.starts_on + CAST(7 * s.treatment_weeks AS INTEGER), TRUE)
),
own_day AS (
    SELECT u.usubjid, CAST(timezone(site.timezone, u.started_at) AS DATE) AS used_on
    FROM engagement.session AS u
    JOIN study.site AS site ON site.site_id = u.siteid
    UNION
    SELECT u.usubjid, CAST(timezone(site.timezone, u.ended_at) AS DATE) AS used_on
    FROM engagement.session AS u
    JOIN study.site AS site ON site.site_id = u.siteid
),
open_time AS (
    SELECT t.usubjid, t.site_id, t.starts_on, least(t.last_day, r.usage_until, s.as_of) AS last_day
    FROM treated AS t
    CROSS JOIN study.setting AS s
    JOIN core.log_reach AS r ON r.site_id = t.site_id AND r.usage_until IS NOT NULL
),
use AS (
    SELECT usubjid, site_id, last_day, starts_on - 1 AS used_on
    FROM open_time
    UNION ALL
    SELECT o.usubjid, o.site_id, o.last_day, d.used_on
    FROM open_time AS o
    JOIN own_day AS d ON d.usubjid = o.usubjid AND d.used_on BETWEEN o.starts_on AND o.last_day
),
silence AS (
    SELECT
        usubjid, site_id,
        used_on + 1 AS first_day,
        coalesce(lead(used_on) OVER days - 1, last_day) AS last_day,
        lead(used_on) OVER days - 1 AS ended_on
    FROM use
    WINDOW days AS (PARTITION BY usubjid ORDER BY used_on)
),
unused AS (
    SELECT
        q.usubjid, q.first_day, q.ended_on,
        q.last_day - q.first_day + 1 - count(o.day) AS n_days
    FROM silence AS q
    LEFT JOIN engagement.outage_day AS o ON o.site_id = q.site_id AND o.day BETWEEN q.first_day AND q.last_day
    GROUP BY q.usubjid, q.first_day, q.last_day, q.ended_on
),
non_usage AS (
    SELECT
        u.usubjid, 'non_usage' AS kind, u.first_day AS started_on, u.ended_on,
        CAST(NULL AS VARCHAR) AS reason, 'usage' AS source, CAST(u.first_day AS VARCHAR) AS source_key, 4 AS rank
    FROM unused AS u
    JOIN study.non_usage AS rule ON u.n_days >= rule.days
),
used_without_access AS (
    SELECT
        p.usubjid, 'crossover' AS kind, min(d.used_on) AS started_on, CAST(NULL AS DATE) AS ended_on,
        CAST(NULL AS VARCHAR) AS reason, 'usage' AS source, CAST(min(d.used_on) AS VARCHAR) AS source_key, 5 AS rank
    FROM core.subject AS p
    JOIN own_day AS d ON d.usubjid = p.usubjid AND d.used_on >= p.reference_on
    ANTI JOIN core.epoch AS later ON later.usubjid = p.usubjid AND later.programme_access AND d.used_on >= later.start_on
    WHERE p.randomised AND NOT p.programme_access
    GROUP BY p.usubjid
),
allocation_version AS (
    SELECT
        usubjid, arm, randomised_on, record_key,
        lag(arm) OVER versions AS former_arm,
        lag(randomised_on) OVER versions AS formerly_on
    FROM core.allocation_history
    WINDOW versions AS (PARTITION BY usubjid ORDER BY valid_from_seq)
),
randomised_again AS (
    SELECT
        usubjid, 'crossover' AS kind, randomised_on AS started_on, CAST(NULL AS DATE) AS ended_on,
        CAST(NULL AS VARCHAR) AS reason, 'allocation' AS source, record_key AS source_key, 6 AS rank
    FROM allocation_version
    WHERE arm <> former_arm AND randomised_on > formerly_on
),
outage AS (
    SELECT
        t.usubjid, 'outage' AS kind, greatest(o.first_day, t.starts_on) AS started_on,
        least(o.last_day, t.last_day) AS ended_on,
        CAST(NULL AS VARCHAR) AS reason, 'study_file' AS source, CAST(o.first_day AS VARCHAR) AS source_key, 7 AS rank
    FROM treated AS t
    CROSS JOIN study.setting AS s
    JOIN study.outage AS o
        ON o.site_id = t.site_id AND o.last_day >= t.starts_on AND o.first_day <= coalesce(t.last_day, s.as_of)
    WHERE o.first_day <= s.as_of
),
event AS (
    SELECT * FROM recorded
    UNION ALL SELECT * FROM fatal
    UNION ALL SELECT * FROM left_for
    UNION ALL SELECT * FROM stopped
    UNION ALL SELECT * FROM non_usage
    UNION ALL SELECT * FROM used_without_access
    UNION ALL SELECT * FROM randomised_again
    UNION ALL SELECT * FROM outage
),
once AS (
    SELECT *
    FROM event
    QUALIFY row_number() OVER (
        PARTITION BY usubjid, kind, CASE WHEN kind <> 'death' THEN started_on END
        ORDER BY started_on NULLS LAST, rank, source_key
    ) = 1
)
SELECT
    e.usubjid,
    row_number() OVER (
        PARTITION BY e.usubjid ORDER BY e.started_on NULLS LAST, e.kind, e.rank, e.source_key
    ) AS event_no,
    e.kind,
    e.started_on,
    e.ended_on,
    e.reason,
    e.source,
    e.source_key
FROM once AS e
JOIN core.subject AS p ON p.usubjid = e.usubjid
