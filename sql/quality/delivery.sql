-- What arrived: one row a delivery, whether its rows count (accepted, partial) or not (rejected, held, repeat).
SELECT
    delivery_id,
    content_sha256,
    site_id,
    feed,
    stream,
    file_name,
    bytes,
    received_at,
    status,
    reason,
    n_rows,
    n_accepted,
    n_quarantined,
    n_duplicate,
    unknown_columns
FROM input.delivery
