-- Deliveries whose rows count or once counted: one row a delivery, with what later full exports made of it.
-- A full export names everything that its stream (site, feed, source) has, so that whatever the stream
-- delivered before it stands no longer: `replaced_by_seq` is the first full export that came after.
SELECT
    delivery_id,
    site_id,
    feed,
    stream,
    sequence,
    place,
    scope = 'full' AS is_full,
    min(CASE WHEN scope = 'full' THEN sequence END) OVER (
        PARTITION BY site_id, feed, stream ORDER BY sequence ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
    ) AS replaced_by_seq,
    count(CASE WHEN scope = 'full' THEN sequence END) OVER (
        PARTITION BY site_id, feed, stream ORDER BY sequence ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
    ) AS n_full_since
FROM input.delivery
WHERE status IN ('accepted', 'partial')
