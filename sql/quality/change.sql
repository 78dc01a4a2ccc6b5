-- Every change of what a record says: one row for each column that was corrected, withdrawn or restored.
-- What is delivered for the first time is no change.
--
-- corrected: the record said something else before. withdrawn: it counts no longer, because a full export of its
-- stream left it out. restored: it counts again. Withdrawn and restored records have a row for each column that is
-- not missing, or one with an empty column_name where all are. new_delivery_id is the delivery that made the change,
-- old_delivery_id the one that last said what was so before. recorded_at is when both had been received.
-- Numbered in the order of the deliveries' own sequence. Free text is never published: '(text)' stands for it.
WITH primary_item AS (
    SELECT DISTINCT i.instrument, i.item
    FROM study.score_item AS i
    JOIN study.setting AS s ON s.primary_paramcd = i.paramcd
),
said AS (
    SELECT
        'participants' AS feed, h.site_id, h.usubjid, h.record_key, h.delivery_id, h.valid_from_seq, h.valid_to_seq,
        FALSE AS is_primary_outcome,
        unnest([
            'centre', 'language', 'consent_date', 'birth_year', 'sex', 'status', 'status_date', 'status_reason',
            ''
        ]) AS column_name,
        unnest([
            h.centre, h.language, CAST(h.consent_date AS VARCHAR), CAST(h.birth_year AS VARCHAR), h.sex,
            h.status, CAST(h.status_date AS VARCHAR), h.status_reason,
            CASE WHEN coalesce(
                h.centre, h.language, CAST(h.consent_date AS VARCHAR), CAST(h.birth_year AS VARCHAR), h.sex,
                h.status, CAST(h.status_date AS VARCHAR), h.status_reason
            ) IS NULL THEN '' END
        ]) AS value,
        unnest([TRUE, TRUE, FALSE, FALSE, FALSE, FALSE, FALSE, TRUE, FALSE]) AS is_text
    FROM core.participants_history AS h
    SEMI JOIN core.record AS r
        ON r.feed = 'participants' AND r.site_id = h.site_id AND r.record_key = h.record_key AND NOT r.settled
    UNION ALL
    SELECT
        'allocation' AS feed, h.site_id, h.usubjid, h.record_key, h.delivery_id, h.valid_from_seq, h.valid_to_seq,
        FALSE AS is_primary_outcome,
        unnest([
            'arm', 'randomised_on', 'stratum', 'second_arm', 'second_randomised_on', ''
        ]) AS column_name,
        unnest([
            h.arm, CAST(h.randomised_on AS VARCHAR), h.stratum, h.second_arm, CAST(h.second_randomised_on AS VARCHAR),
            CASE WHEN coalesce(
                h.arm, CAST(h.randomised_on AS VARCHAR), h.stratum, h.second_arm, CAST(h.second_randomised_on AS VARCHAR)
            ) IS NULL THEN '' END
        ]) AS value,
        unnest([FALSE, FALSE, TRUE, FALSE, FALSE, FALSE]) AS is_text
    FROM core.allocation_history AS h
    SEMI JOIN core.record AS r
        ON r.feed = 'allocation' AND r.site_id = h.site_id AND r.record_key = h.record_key AND NOT r.settled
    UNION ALL
    SELECT
        'questionnaires' AS feed, h.site_id, h.usubjid, h.record_key, h.delivery_id, h.valid_from_seq, h.valid_to_seq,
        i.item IS NOT NULL AS is_primary_outcome,
        unnest(['value', 'missing_reason', '']) AS column_name,
        unnest([
            h.value, h.missing_reason, CASE WHEN coalesce(h.value, h.missing_reason) IS NULL THEN '' END
        ]) AS value,
        unnest([FALSE, FALSE, FALSE]) AS is_text
    FROM core.questionnaires_history AS h
    SEMI JOIN core.record AS r
        ON r.feed = 'questionnaires' AND r.site_id = h.site_id AND r.record_key = h.record_key AND NOT r.settled
    LEFT JOIN primary_item AS i ON i.instrument = h.instrument AND i.item = h.item
    UNION ALL
    SELECT
        'usage' AS feed, h.site_id, h.usubjid, h.record_key, h.delivery_id, h.valid_from_seq, h.valid_to_seq,
        FALSE AS is_primary_outcome,
        unnest([
            'subject_id', 'occurred_at', 'actor', 'event', 'module', 'duration_s', 'device', 'stored_at', ''
        ]) AS column_name,
        unnest([
            h.subject_id, strftime(timezone('UTC', h.occurred_at), '%Y-%m-%dT%H:%M:%S.%fZ'), h.actor, h.event,
            h.module, CAST(h.duration_s AS VARCHAR), h.device,
            strftime(timezone('UTC', h.stored_at), '%Y-%m-%dT%H:%M:%S.%fZ'),
            CASE WHEN coalesce(
                h.subject_id, strftime(timezone('UTC', h.occurred_at), '%Y-%m-%dT%H:%M:%S.%fZ'), h.actor,
                h.event, h.module, CAST(h.duration_s AS VARCHAR), h.device, CAST(h.stored_at AS VARCHAR)
            ) IS NULL THEN '' END
        ]) AS value,
        unnest([FALSE, FALSE, FALSE, FALSE, TRUE, FALSE, FALSE, FALSE, FALSE]) AS is_text
    FROM core.usage_history AS h
    SEMI JOIN core.record AS r
        ON r.feed = 'usage' AND r.site_id = h.site_id AND r.record_key = h.record_key AND NOT r.settled
    UNION ALL
    SELECT
        'contacts' AS feed, h.site_id, h.usubjid, h.record_key, h.delivery_id, h.valid_from_seq, h.valid_to_seq,
        FALSE AS is_primary_outcome,
        unnest([
            'subject_id', 'occurred_at', 'kind', 'direction', 'minutes', 'therapist_id', ''
        ]) AS column_name,
        unnest([
            h.subject_id, strftime(timezone('UTC', h.occurred_at), '%Y-%m-%dT%H:%M:%S.%fZ'), h.kind, h.direction,
            CAST(h.minutes AS VARCHAR), h.therapist_id,
            CASE WHEN coalesce(
                h.subject_id, strftime(timezone('UTC', h.occurred_at), '%Y-%m-%dT%H:%M:%S.%fZ'), h.kind,
                h.direction, CAST(h.minutes AS VARCHAR), h.therapist_id
            ) IS NULL THEN '' END
        ]) AS value,
        unnest([FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE]) AS is_text
    FROM core.contacts_history AS h
    SEMI JOIN core.record AS r
        ON r.feed = 'contacts' AND r.site_id = h.site_id AND r.record_key = h.record_key AND NOT r.settled
    UNION ALL
    SELECT
        'adverse_events' AS feed, h.site_id, h.usubjid, h.record_key, h.delivery_id, h.valid_from_seq, h.valid_to_seq,
        FALSE AS is_primary_outcome,
        unnest([
            'subject_id', 'onset_date', 'reported_on', 'term', 'serious', 'severity', 'related', 'outcome',
            'ended_on', ''
        ]) AS column_name,
        unnest([
            h.subject_id, CAST(h.onset_date AS VARCHAR), CAST(h.reported_on AS VARCHAR), h.term, h.serious,
            CAST(h.severity AS VARCHAR), h.related, h.outcome, CAST(h.ended_on AS VARCHAR),
            CASE WHEN coalesce(
                h.subject_id, CAST(h.onset_date AS VARCHAR), CAST(h.reported_on AS VARCHAR), h.term, h.serious,
                CAST(h.severity AS VARCHAR), h.related, h.outcome, CAST(h.ended_on AS VARCHAR)
            ) IS NULL THEN '' END
        ]) AS value,
        unnest([FALSE, FALSE, FALSE, TRUE, FALSE, FALSE, FALSE, TRUE, FALSE, FALSE]) AS is_text
    FROM core.adverse_events_history AS h
    SEMI JOIN core.record AS r
        ON r.feed = 'adverse_events' AND r.site_id = h.site_id AND r.record_key = h.record_key AND NOT r.settled
    UNION ALL
    SELECT
        'intercurrent_events' AS feed, h.site_id, h.usubjid, h.record_key, h.delivery_id, h.valid_from_seq,
        h.valid_to_seq, FALSE AS is_primary_outcome,
        unnest(['subject_id', 'kind', 'started_on', 'ended_on', 'reason', '']) AS column_name,
        unnest([
            h.subject_id, h.kind, CAST(h.started_on AS VARCHAR), CAST(h.ended_on AS VARCHAR), h.reason,
            CASE WHEN coalesce(
                h.subject_id, h.kind, CAST(h.started_on AS VARCHAR), CAST(h.ended_on AS VARCHAR), h.reason
            ) IS NULL THEN '' END
        ]) AS value,
        unnest([FALSE, FALSE, FALSE, FALSE, TRUE, FALSE]) AS is_text
    FROM core.intercurrent_events_history AS h
    SEMI JOIN core.record AS r
        ON r.feed = 'intercurrent_events' AND r.site_id = h.site_id AND r.record_key = h.record_key AND NOT r.settled
),
beside AS (
    SELECT
        *,
        lag(value) OVER record AS former_value,
        lag(delivery_id) OVER record AS former_delivery_id,
        lag(valid_to_seq) OVER record AS former_to_seq,
        lead(valid_from_seq) OVER record AS next_from_seq
    FROM said
    WINDOW record AS (PARTITION BY feed, site_id, record_key, column_name ORDER BY valid_from_seq)
),
changed AS (
    SELECT
        feed, site_id, usubjid, record_key, column_name, is_text, is_primary_outcome, 'corrected' AS change,
        former_value AS old_value, value AS new_value, former_delivery_id AS old_delivery_id,
        valid_from_seq AS changed_seq
    FROM beside
    WHERE former_to_seq = valid_from_seq AND column_name <> '' AND value IS DISTINCT FROM former_value
    UNION ALL
    SELECT
        b.feed, b.site_id, b.usubjid, b.record_key, b.column_name, b.is_text, b.is_primary_outcome, 'restored' AS change,
        NULL AS old_value, b.value AS new_value, d.delivery_id AS old_delivery_id, b.valid_from_seq AS changed_seq
    FROM beside AS b
    JOIN core.counted_delivery AS d ON d.sequence = b.former_to_seq
    WHERE b.former_to_seq < b.valid_from_seq AND b.value IS NOT NULL
    UNION ALL
    SELECT
        feed, site_id, usubjid, record_key, column_name, is_text, is_primary_outcome, 'withdrawn' AS change,
        value AS old_value, NULL AS new_value, delivery_id AS old_delivery_id, valid_to_seq AS changed_seq
    FROM beside
    WHERE valid_to_seq IS DISTINCT FROM next_from_seq AND valid_to_seq IS NOT NULL AND value IS NOT NULL
)
SELECT
    row_number() OVER (ORDER BY c.changed_seq, c.record_key, c.column_name) AS seq,
    c.feed,
    c.site_id,
    c.record_key,
    c.column_name,
    c.change,
    CASE WHEN c.is_text AND c.old_value IS NOT NULL THEN '(text)' ELSE nullif(c.old_value, '') END AS old_value,
    CASE WHEN c.is_text AND c.new_value IS NOT NULL THEN '(text)' ELSE nullif(c.new_value, '') END AS new_value,
    c.old_delivery_id,
    made.delivery_id AS new_delivery_id,
    greatest(former.received_at, made.received_at) AS recorded_at,
    c.usubjid,
    c.is_primary_outcome
FROM changed AS c
JOIN input.delivery AS former ON former.delivery_id = c.old_delivery_id
JOIN input.delivery AS made ON made.sequence = c.changed_seq
