-- Keys of which several versions could count: one row a version, `counts` marking the one that does.
--
-- A version could count when its delivery stands, or when the key was refused since: a full export that holds
-- the record in quarantine still names it, and a quarantined version never replaces an accepted one.
-- Of these the version delivered last counts, over all streams of the site and feed.
WITH refused AS (
    SELECT DISTINCT d.site_id, d.feed, d.stream, q.record_key
    FROM input.quarantine AS q
    JOIN core.standing_delivery AS d ON d.delivery_id = q.delivery_id
    WHERE q.record_key IS NOT NULL
),
-- Where only one delivery matters nothing is contested: the large logs are not even read.
delivery AS (
    SELECT d.delivery_id, d.site_id, d.feed, d.stream, d.sequence, s.delivery_id IS NOT NULL AS standing
    FROM input.delivery AS d
    LEFT JOIN core.standing_delivery AS s ON s.delivery_id = d.delivery_id
    WHERE
        d.status IN ('accepted', 'partial')
        AND (s.delivery_id IS NOT NULL OR (d.site_id, d.feed, d.stream) IN (SELECT (site_id, feed, stream) FROM refused))
    QUALIFY count(*) OVER (PARTITION BY d.site_id, d.feed) > 1
),
version AS (
    SELECT delivery_id, record_key FROM input.participants
    WHERE delivery_id IN (SELECT delivery_id FROM delivery WHERE feed = 'participants')
    UNION ALL
    SELECT delivery_id, record_key FROM input.allocation
    WHERE delivery_id IN (SELECT delivery_id FROM delivery WHERE feed = 'allocation')
    UNION ALL
    SELECT delivery_id, record_key FROM input.questionnaires
    WHERE delivery_id IN (SELECT delivery_id FROM delivery WHERE feed = 'questionnaires')
    UNION ALL
    SELECT delivery_id, record_key FROM input.usage
    WHERE delivery_id IN (SELECT delivery_id FROM delivery WHERE feed = 'usage')
    UNION ALL
    SELECT delivery_id, record_key FROM input.contacts
    WHERE delivery_id IN (SELECT delivery_id FROM delivery WHERE feed = 'contacts')
    UNION ALL
    SELECT delivery_id, record_key FROM input.adverse_events
    WHERE delivery_id IN (SELECT delivery_id FROM delivery WHERE feed = 'adverse_events')
),
candidate AS (
    SELECT d.feed, d.site_id, v.record_key, v.delivery_id, d.sequence, d.standing
    FROM version AS v
    JOIN delivery AS d ON d.delivery_id = v.delivery_id
    LEFT JOIN refused AS r
        ON r.site_id = d.site_id AND r.feed = d.feed AND r.stream = d.stream AND r.record_key = v.record_key
    WHERE d.standing OR r.record_key IS NOT NULL
),
newest AS (
    SELECT feed, site_id, record_key, max(sequence) AS sequence
    FROM candidate
    GROUP BY feed, site_id, record_key
    HAVING count(*) > 1 OR NOT bool_and(standing)
)
SELECT
    c.feed,
    c.site_id,
    c.record_key,
    c.delivery_id,
    c.standing,
    c.sequence = n.sequence AS counts
FROM candidate AS c
JOIN newest AS n ON n.feed = c.feed AND n.site_id = c.site_id AND n.record_key = c.record_key
