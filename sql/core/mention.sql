-- Every time that a delivery names a record: one row a delivery and record for what was accepted, and one for
-- what was refused (content NULL).
--
-- `content` is what the record said: the columns beside its key as text, 0x1F between them, 0x1E for a missing one.
-- Columns that follow from others (calendar dates, clock notes) and the column of the file do not count.
-- Of the log, which is large, only events that were told more than once or that a full export has replaced.
WITH retold_event AS (
    SELECT site_id, record_key FROM core.contested
    UNION ALL
    SELECT r.site_id, r.record_key
    FROM input.usage AS r
    SEMI JOIN core.counted_delivery AS d ON d.delivery_id = r.delivery_id AND d.replaced_by_seq IS NOT NULL
),
named AS (
    SELECT
        r.delivery_id, r.record_key,
        concat_ws(
            chr(31),
            coalesce(r.centre, chr(30)),
            coalesce(r.language, chr(30)),
            coalesce(CAST(r.consent_date AS VARCHAR), chr(30)),
            coalesce(CAST(r.birth_year AS VARCHAR), chr(30)),
            coalesce(r.sex, chr(30)),
            coalesce(r.status, chr(30)),
            coalesce(CAST(r.status_date AS VARCHAR), chr(30)),
            coalesce(r.status_reason, chr(30))
        ) AS content
    FROM input.participants AS r
    UNION ALL
    SELECT
        r.delivery_id, r.record_key,
        concat_ws(
            chr(31),
            coalesce(r.arm, chr(30)),
            coalesce(CAST(r.randomised_on AS VARCHAR), chr(30)),
            coalesce(r.stratum, chr(30)),
            coalesce(r.second_arm, chr(30)),
            coalesce(CAST(r.second_randomised_on AS VARCHAR), chr(30))
        ) AS content
    FROM input.allocation AS r
    UNION ALL
    SELECT
        r.delivery_id, r.record_key,
        concat_ws(chr(31), coalesce(r.value, chr(30)), coalesce(r.missing_reason, chr(30))) AS content
    FROM input.questionnaires AS r
    UNION ALL
    SELECT
        r.delivery_id, r.record_key,
        concat_ws(
            chr(31),
            coalesce(r.subject_id, chr(30)),
            coalesce(CAST(r.occurred_at AS VARCHAR), chr(30)),
            coalesce(r.actor, chr(30)),
            coalesce(r.event, chr(30)),
            coalesce(r.module, chr(30)),
            coalesce(CAST(r.duration_s AS VARCHAR), chr(30)),
            coalesce(r.device, chr(30)),
            coalesce(CAST(r.stored_at AS VARCHAR), chr(30))
        ) AS content
    FROM input.usage AS r
    SEMI JOIN retold_event AS e ON e.site_id = r.site_id AND e.record_key = r.record_key
    UNION ALL
    SELECT
        r.delivery_id, r.record_key,
        concat_ws(
            chr(31),
            coalesce(r.subject_id, chr(30)),
            coalesce(CAST(r.occurred_at AS VARCHAR), chr(30)),
            coalesce(r.kind, chr(30)),
            coalesce(r.direction, chr(30)),
            coalesce(CAST(r.minutes AS VARCHAR), chr(30)),
            coalesce(r.therapist_id, chr(30))
        ) AS content
    FROM input.contacts AS r
    UNION ALL
    SELECT
        r.delivery_id, r.record_key,
        concat_ws(
            chr(31),
            coalesce(r.subject_id, chr(30)),
            coalesce(CAST(r.onset_date AS VARCHAR), chr(30)),
            coalesce(CAST(r.reported_on AS VARCHAR), chr(30)),
            coalesce(r.term, chr(30)),
            coalesce(r.serious, chr(30)),
            coalesce(CAST(r.severity AS VARCHAR), chr(30)),
            coalesce(r.related, chr(30)),
            coalesce(r.outcome, chr(30)),
            coalesce(CAST(r.ended_on AS VARCHAR), chr(30))
        ) AS content
    FROM input.adverse_events AS r
    UNION ALL
    SELECT
        r.delivery_id, r.record_key,
        concat_ws(
            chr(31),
            coalesce(r.subject_id, chr(30)),
            coalesce(r.kind, chr(30)),
            coalesce(CAST(r.started_on AS VARCHAR), chr(30)),
            coalesce(CAST(r.ended_on AS VARCHAR), chr(30)),
            coalesce(r.reason, chr(30))
        ) AS content
    FROM input.intercurrent_events AS r
    UNION ALL
    SELECT DISTINCT q.delivery_id, q.record_key, CAST(NULL AS VARCHAR) AS content
    FROM input.quarantine AS q
    WHERE q.record_key IS NOT NULL
)
SELECT
    d.feed,
    d.site_id,
    d.stream,
    n.record_key,
    d.sequence,
    d.is_full,
    d.n_full_since,
    d.replaced_by_seq,
    n.content
FROM named AS n
JOIN core.counted_delivery AS d ON d.delivery_id = n.delivery_id
