-- Events of the log of which several versions could count: one row a version, `counts` marking the one that does.
--
-- A version could count when its delivery stands, or when the event was refused since: a full export that holds
-- the record in quarantine still names it, and a quarantined version never replaces an accepted one.
-- Of these the version delivered last counts, over all streams of the site. The rule is that of core.validity;
-- it stands here by itself because the log is too large to trace every event of it.
WITH refused AS (
    SELECT DISTINCT d.site_id, d.stream, q.record_key
    FROM input.quarantine AS q
    JOIN core.counted_delivery AS d ON d.delivery_id = q.delivery_id
    WHERE d.feed = 'usage' AND d.replaced_by_seq IS NULL AND q.record_key IS NOT NULL
),
-- Where only one delivery matters nothing is contested: the log is not even read.
delivery AS (
    SELECT
        d.delivery_id, d.site_id, d.stream, d.sequence, d.replaced_by_seq IS NULL AS standing,
        row_number() OVER (PARTITION BY d.site_id ORDER BY i.n_accepted DESC, d.sequence) = 1 AS is_largest
    FROM core.counted_delivery AS d
    JOIN input.delivery AS i ON i.delivery_id = d.delivery_id
    WHERE
        d.feed = 'usage'
        AND (d.replaced_by_seq IS NULL OR (d.site_id, d.stream) IN (SELECT (site_id, stream) FROM refused))
    QUALIFY count(*) OVER (PARTITION BY d.site_id) > 1
),
-- No event stands twice in one delivery, so that one told again stands in another than the largest, too: the many
-- events of that need only be looked up among those of the others, before anything is joined to them.
elsewhere AS (
    SELECT d.site_id, r.record_key
    FROM input.usage AS r
    JOIN delivery AS d ON d.delivery_id = r.delivery_id AND NOT d.is_largest
    UNION ALL
    SELECT site_id, record_key FROM refused
),
named AS MATERIALIZED (
    SELECT delivery_id, row_no, record_key
    FROM input.usage
    WHERE record_key IN (SELECT record_key FROM elsewhere)
),
candidate AS (
    SELECT d.site_id, v.record_key, v.delivery_id, v.row_no, d.sequence, d.standing
    FROM named AS v
    JOIN delivery AS d ON d.delivery_id = v.delivery_id
    SEMI JOIN elsewhere AS e ON e.site_id = d.site_id AND e.record_key = v.record_key
    LEFT JOIN refused AS r ON r.site_id = d.site_id AND r.stream = d.stream AND r.record_key = v.record_key
    WHERE d.standing OR r.record_key IS NOT NULL
),
newest AS (
    SELECT site_id, record_key, max(sequence) AS sequence
    FROM candidate
    GROUP BY site_id, record_key
    HAVING count(*) > 1 OR NOT bool_and(standing)
)
SELECT
    c.site_id,
    c.record_key,
    c.delivery_id,
    c.row_no,
    c.standing,
    c.sequence = n.sequence AS counts
FROM candidate AS c
JOIN newest AS n ON n.site_id = c.site_id AND n.record_key = c.record_key
