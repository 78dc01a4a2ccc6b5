-- Versions of records that no longer count: one row for each accepted row of a delivery that a later
-- delivery corrected, repeated or withdrew.
--
-- Within a site and feed, a stream that sends a full export withdraws every key it no longer names;
-- a key in quarantine is still named. Of the versions that stand, the one delivered last counts.
-- A quarantined version never replaces an accepted one.
WITH delivered AS (
    -- Where only one delivery counts, nothing can have been replaced: the large logs are not even read.
    SELECT delivery_id, site_id, feed, stream, scope, sequence
    FROM input.delivery
    WHERE status IN ('accepted', 'partial')
    QUALIFY count(*) OVER (PARTITION BY site_id, feed) > 1
),
last_full_export AS (
    SELECT site_id, feed, stream, max(sequence) AS sequence
    FROM delivered
    WHERE scope = 'full'
    GROUP BY site_id, feed, stream
),
version AS (
    SELECT delivery_id, record_key FROM input.participants
    WHERE delivery_id IN (SELECT delivery_id FROM delivered WHERE feed = 'participants')
    UNION ALL
    SELECT delivery_id, record_key FROM input.allocation
    WHERE delivery_id IN (SELECT delivery_id FROM delivered WHERE feed = 'allocation')
    UNION ALL
    SELECT delivery_id, record_key FROM input.questionnaires
    WHERE delivery_id IN (SELECT delivery_id FROM delivered WHERE feed = 'questionnaires')
    UNION ALL
    SELECT delivery_id, record_key FROM input.usage
    WHERE delivery_id IN (SELECT delivery_id FROM delivered WHERE feed = 'usage')
    UNION ALL
    SELECT delivery_id, record_key FROM input.contacts
    WHERE delivery_id IN (SELECT delivery_id FROM delivered WHERE feed = 'contacts')
    UNION ALL
    SELECT delivery_id, record_key FROM input.adverse_events
    WHERE delivery_id IN (SELECT delivery_id FROM delivered WHERE feed = 'adverse_events')
),
named AS (
    SELECT d.feed, d.site_id, d.stream, d.sequence, d.delivery_id, v.record_key, TRUE AS accepted
    FROM version AS v
    JOIN delivered AS d ON d.delivery_id = v.delivery_id
    UNION ALL
    SELECT DISTINCT d.feed, d.site_id, d.stream, d.sequence, d.delivery_id, q.record_key, FALSE AS accepted
    FROM input.quarantine AS q
    JOIN delivered AS d ON d.delivery_id = q.delivery_id
    WHERE q.record_key IS NOT NULL
),
-- A key that one delivery named, and that no later full export could have left out, stands as it is.
in_question AS (
    SELECT n.feed, n.site_id, n.record_key
    FROM named AS n
    LEFT JOIN last_full_export AS f
        ON f.site_id = n.site_id AND f.feed = n.feed AND f.stream = n.stream
    GROUP BY n.feed, n.site_id, n.record_key
    HAVING count(*) > 1 OR bool_or(n.sequence < f.sequence)
),
history AS (
    SELECT
        n.feed, n.site_id, n.stream, n.sequence, n.delivery_id, n.record_key, n.accepted,
        max(n.sequence) OVER (PARTITION BY n.feed, n.site_id, n.record_key, n.stream) AS last_named
    FROM named AS n
    JOIN in_question AS k
        ON k.feed = n.feed AND k.site_id = n.site_id AND k.record_key = n.record_key
),
standing AS (
    SELECT
        h.feed, h.site_id, h.record_key, h.delivery_id, h.sequence, h.accepted,
        max(CASE WHEN h.accepted AND h.last_named >= coalesce(f.sequence, h.last_named) THEN h.sequence END)
            OVER (PARTITION BY h.feed, h.site_id, h.record_key) AS current_sequence
    FROM history AS h
    LEFT JOIN last_full_export AS f
        ON f.site_id = h.site_id AND f.feed = h.feed AND f.stream = h.stream
)
SELECT feed, site_id, record_key, delivery_id
FROM standing
WHERE accepted AND sequence IS DISTINCT FROM current_sequence
