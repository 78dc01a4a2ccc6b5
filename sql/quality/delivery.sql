-- What arrived: one row a delivery, whether its rows count (accepted, partial) or not (rejected, held, repeat).
--
-- A delivery whose rows count stands until a later full export of its stream replaces it. A refused one
-- stands until it is made good: by the same file, taken in later, or by a later full export of its
-- stream. Only that: what an incremental file held is in no other.
SELECT
    d.delivery_id,
    d.content_sha256,
    d.site_id,
    d.feed,
    d.stream,
    d.file_name,
    d.bytes,
    d.received_at,
    d.status,
    d.reason,
    d.n_rows,
    d.n_accepted,
    d.n_quarantined,
    d.n_duplicate,
    d.unknown_columns,
    d.n_ambiguous_time,
    d.status <> 'repeat' AND NOT EXISTS (
        SELECT 1
        FROM input.delivery AS later
        WHERE
            later.site_id = d.site_id
            AND later.feed = d.feed
            AND later.sequence > d.sequence
            AND CASE
                WHEN d.status IN ('accepted', 'partial')
                    THEN later.status IN ('accepted', 'partial') AND later.scope = 'full' AND later.stream = d.stream
                ELSE
                    later.status IN ('accepted', 'partial', 'repeat')
                    AND (
                        later.file_name = d.file_name
                        OR (later.scope = 'full' AND later.stream = coalesce(nullif(d.stream, ''), later.stream))
                    )
            END
    ) AS stands,
    d.n_vanishing,
    d.n_vanishing_primary,
    d.decision,
    d.place
FROM input.delivery AS d
