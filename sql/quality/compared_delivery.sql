-- Deliveries that can be compared with the one before them: one row a delivery of which the columns are known, and
-- that has a forerunner in its stream (site, feed, source) that counted. A repeat has nothing to compare.
-- Of a rejected delivery only the header may have been read: `measured` tells whether its cells were.
WITH described AS (
    SELECT
        d.delivery_id, d.site_id, d.feed, d.stream, d.sequence,
        d.status IN ('accepted', 'partial') AS counts,
        d.status <> 'rejected' AS measured,
        CAST(timezone(s.timezone, d.place) AS DATE) AS arrived_on,
        max(CASE WHEN d.status IN ('accepted', 'partial') THEN d.sequence END) OVER (
            PARTITION BY d.site_id, d.feed, d.stream
            ORDER BY d.sequence
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS previous_sequence
    FROM input.delivery AS d
    JOIN study.site AS s ON s.site_id = d.site_id
    SEMI JOIN input.delivery_variable AS v ON v.delivery_id = d.delivery_id
    WHERE d.status <> 'repeat'
)
SELECT
    d.delivery_id,
    before.delivery_id AS previous_delivery_id,
    d.site_id,
    d.feed,
    d.stream,
    d.sequence,
    d.counts,
    d.measured,
    d.arrived_on
FROM described AS d
JOIN described AS before ON before.sequence = d.previous_sequence
