-- Columns of a file that are gone, new or moved against the delivery before: one row a delivery and column.
--
-- Moved: of the columns that both have, those whose rank among them changed furthest; a column taken from one place
-- to another shifts each that it passes by one only. Columns are bound by name, so a move changes no value.
-- Where columns only show row by row (JSON) a missing one is gone when as often as before it should have shown.
WITH file_column AS (
    SELECT
        delivery_id, column_name,
        min(position) AS position,
        CASE WHEN count(DISTINCT variable) = 1 THEN min(variable) ELSE '' END AS variable,
        bool_or(declared <> 'unknown') AS is_read,
        min(expected_since) AS expected_since,
        coalesce(max(n_filled), 0) AS n_filled
    FROM input.delivery_variable
    GROUP BY delivery_id, column_name
),
size AS (
    SELECT delivery_id, nullif(max(n_cells), 0) AS n_records
    FROM input.delivery_variable
    GROUP BY delivery_id
),
gone AS (
    SELECT p.delivery_id, before.column_name, before.variable, before.is_read, before.expected_since, before.position
    FROM quality.compared_delivery AS p
    JOIN file_column AS before ON before.delivery_id = p.previous_delivery_id
    JOIN size AS size_before ON size_before.delivery_id = p.previous_delivery_id
    JOIN size AS size_now ON size_now.delivery_id = p.delivery_id
    CROSS JOIN study.drift_limit AS l
    ANTI JOIN file_column AS now ON now.delivery_id = p.delivery_id AND now.column_name = before.column_name
    WHERE
        before.position IS NOT NULL
        OR before.n_filled * size_now.n_records >= l.expected * size_before.n_records
),
new AS (
    SELECT p.delivery_id, now.column_name, now.variable, now.is_read, now.expected_since, now.position
    FROM quality.compared_delivery AS p
    JOIN file_column AS now ON now.delivery_id = p.delivery_id
    ANTI JOIN file_column AS before
        ON before.delivery_id = p.previous_delivery_id AND before.column_name = now.column_name
),
ranked AS (
    SELECT
        p.delivery_id, now.column_name, now.variable, now.is_read, now.expected_since,
        before.position AS position_before,
        now.position AS position_now,
        row_number() OVER (PARTITION BY p.delivery_id ORDER BY before.position, now.column_name) AS rank_before,
        row_number() OVER (PARTITION BY p.delivery_id ORDER BY now.position, now.column_name) AS rank_now
    FROM quality.compared_delivery AS p
    JOIN file_column AS now ON now.delivery_id = p.delivery_id AND now.position IS NOT NULL
    JOIN file_column AS before
        ON before.delivery_id = p.previous_delivery_id AND before.column_name = now.column_name
        AND before.position IS NOT NULL
),
shifted AS (
    SELECT *, max(abs(rank_now - rank_before)) OVER (PARTITION BY delivery_id) AS furthest
    FROM ranked
)
SELECT
    delivery_id, column_name, variable, 'gone' AS change, is_read, expected_since,
    coalesce('column ' || position, 'a column of the rows') AS was, 'not there' AS became
FROM gone
UNION ALL
SELECT
    delivery_id, column_name, variable, 'new' AS change, is_read, expected_since,
    'not there' AS was, coalesce('column ' || position, 'a column of the rows') AS became
FROM new
UNION ALL
SELECT
    delivery_id, column_name, variable, 'moved' AS change, is_read, expected_since,
    'column ' || position_before AS was, 'column ' || position_now AS became
FROM shifted
WHERE furthest > 0 AND abs(rank_now - rank_before) = furthest
