-- What was refused, and why: one row a failed rule of a row of a delivery.
SELECT
    delivery_id,
    row_no,
    rule,
    column_name,
    line_no,
    site_id,
    feed,
    message
FROM input.quarantine
