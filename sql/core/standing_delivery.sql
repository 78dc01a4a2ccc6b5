-- Deliveries that no later full export of their stream has replaced: one row a delivery.
-- A full export names everything that its stream (site, feed, source) has; whatever was delivered before it
-- counts no longer, except what core.contested upholds.
WITH counted AS (
    SELECT
        delivery_id, site_id, feed, stream, sequence,
        max(CASE WHEN scope = 'full' THEN sequence END) OVER (PARTITION BY site_id, feed, stream)
            AS last_full_export
    FROM input.delivery
    WHERE status IN ('accepted', 'partial')
)
SELECT delivery_id, site_id, feed, stream, sequence
FROM counted
WHERE sequence >= coalesce(last_full_export, sequence)
