-- What a column holds, changed against the delivery before: one row a delivery, variable and kind of change. Codes
-- and counts only.
--
-- recoded: codes went and others came in their place, each at least the share of filled cells that the study file
-- leaves to chance; or so many cells more hold codes that nobody defined. Labels that follow the course of a trial
-- (visit, module, instrument) come and go by themselves: of them only undefined ones count.
-- range_shifted: an item's lowest code is gone although, as often as it stood before, the study file's number of
-- cells should hold it, in the item or in all of its instrument; that is not called recoded too. Or measurements
-- are 30 times as large or as small.
-- type_changed: nearly all cells look like another kind of thing. missing_jumped: that share more is not filled.
WITH variable AS (
    SELECT p.delivery_id, p.previous_delivery_id, l.records, l.share, l.expected
    FROM quality.compared_delivery AS p
    CROSS JOIN study.drift_limit AS l
    WHERE p.measured
),
pair AS (
    SELECT
        p.delivery_id, now.column_name, now.variable, now.declared, now.expected_since,
        split_part(now.variable, '.', 1) AS instrument,
        p.records, p.share, p.expected,
        before.kind AS kind_before, now.kind AS kind_now,
        before.n_cells AS cells_before, now.n_cells AS cells_now,
        before.n_filled AS filled_before, now.n_filled AS filled_now,
        before.codes AS codes_before, now.codes AS codes_now,
        before.n_of_code AS counts_before, now.n_of_code AS counts_now,
        coalesce(before.n_unknown, 0) AS unknown_before, coalesce(now.n_unknown, 0) AS unknown_now,
        before.minimum AS minimum_before, now.minimum AS minimum_now,
        before.maximum AS maximum_before, now.maximum AS maximum_now,
        before.typical AS typical_before, now.typical AS typical_now,
        CAST(now.defined_minimum AS VARCHAR) AS lowest
    FROM variable AS p
    JOIN input.delivery_variable AS now ON now.delivery_id = p.delivery_id
    JOIN input.delivery_variable AS before
        ON before.delivery_id = p.previous_delivery_id AND before.column_name = now.column_name
        AND before.variable = now.variable
    WHERE now.declared NOT IN ('unknown', 'unread', 'filter') AND before.declared = now.declared
),
code_before AS (
    SELECT delivery_id, column_name, variable, unnest(codes_before) AS code, unnest(counts_before) AS n
    FROM pair
    WHERE codes_before IS NOT NULL
),
code_now AS (
    SELECT delivery_id, column_name, variable, unnest(codes_now) AS code, unnest(counts_now) AS n
    FROM pair
    WHERE codes_now IS NOT NULL
),
code AS (
    SELECT
        coalesce(b.delivery_id, n.delivery_id) AS delivery_id,
        coalesce(b.column_name, n.column_name) AS column_name,
        coalesce(b.variable, n.variable) AS variable,
        coalesce(b.code, n.code) AS code,
        b.n AS n_before,
        n.n AS n_now
    FROM code_before AS b
    FULL JOIN code_now AS n
        ON n.delivery_id = b.delivery_id AND n.column_name = b.column_name AND n.variable = b.variable
        AND n.code = b.code
),
coded AS (
    SELECT
        c.delivery_id, c.column_name, c.variable,
        coalesce(sum(c.n_before) FILTER (WHERE c.n_now IS NULL), 0) AS lost,
        coalesce(sum(c.n_now) FILTER (WHERE c.n_before IS NULL), 0) AS fresh,
        coalesce(sum(c.n_before) FILTER (WHERE c.code = p.lowest), 0) AS lowest_before,
        coalesce(sum(c.n_now) FILTER (WHERE c.code = p.lowest), 0) AS lowest_now,
        string_agg(c.code || ' (' || c.n_before || ')', ', ' ORDER BY c.code) AS listed_before,
        string_agg(c.code || ' (' || c.n_now || ')', ', ' ORDER BY c.code) AS listed_now
    FROM code AS c
    JOIN pair AS p
        ON p.delivery_id = c.delivery_id AND p.column_name = c.column_name AND p.variable = c.variable
    GROUP BY c.delivery_id, c.column_name, c.variable
),
measured AS (
    SELECT
        p.*,
        coalesce(c.lost, 0) AS lost,
        coalesce(c.fresh, 0) AS fresh,
        coalesce(c.lowest_before, 0) AS lowest_before,
        coalesce(c.lowest_now, 0) AS lowest_now,
        coalesce(c.listed_before, 'no code')
            || CASE WHEN p.unknown_before > 0 THEN ', undefined (' || p.unknown_before || ')' ELSE '' END AS listed_before,
        coalesce(c.listed_now, 'no code')
            || CASE WHEN p.unknown_now > 0 THEN ', undefined (' || p.unknown_now || ')' ELSE '' END AS listed_now,
        CAST(coalesce(c.lowest_before, 0) * p.filled_now / nullif(p.filled_before, 0) AS DECIMAL(18, 3))
            AS lowest_expected
    FROM pair AS p
    LEFT JOIN coded AS c
        ON c.delivery_id = p.delivery_id AND c.column_name = p.column_name AND c.variable = p.variable
),
pooled AS (
    SELECT
        *,
        sum(lowest_expected) OVER (PARTITION BY delivery_id, instrument) AS instrument_expected,
        sum(lowest_now) OVER (PARTITION BY delivery_id, instrument) AS instrument_lowest
    FROM measured
),
judged AS (
    SELECT
        *,
        declared = 'item' AND lowest_before > 0 AND lowest_now = 0 AND filled_now > 0
            AND (lowest_expected >= expected OR (instrument_expected >= expected AND instrument_lowest = 0))
            AS starts_higher
    FROM pooled
)
SELECT
    delivery_id, column_name, variable, 'recoded' AS change, expected_since,
    listed_before AS was, listed_now AS became
FROM judged
WHERE
    codes_now IS NOT NULL AND NOT starts_higher AND filled_before >= records AND filled_now >= records
    AND (
        (declared <> 'label' AND lost >= share * filled_before AND fresh + unknown_now >= share * filled_now)
        OR unknown_now * filled_before - unknown_before * filled_now >= share * filled_before * filled_now
    )
UNION ALL
SELECT
    delivery_id, column_name, variable, 'range_shifted' AS change, expected_since,
    'from ' || minimum_before || ' to ' || maximum_before AS was,
    CASE WHEN minimum_now IS NULL THEN 'no code of the scale' ELSE 'from ' || minimum_now || ' to ' || maximum_now END
        || CASE WHEN unknown_now > 0 THEN ', beyond the scale (' || unknown_now || ')' ELSE '' END AS became
FROM judged
WHERE starts_higher
UNION ALL
SELECT
    delivery_id, column_name, variable, 'range_shifted' AS change, expected_since,
    'about ' || CAST(round(typical_before, 2) AS VARCHAR) AS was,
    'about ' || CAST(round(typical_now, 2) AS VARCHAR) AS became
FROM judged
WHERE
    declared = 'number' AND filled_before >= records AND filled_now >= records
    AND (typical_now >= 30 * typical_before OR typical_before >= 30 * typical_now)
UNION ALL
SELECT
    delivery_id, column_name, variable, 'type_changed' AS change, expected_since,
    kind_before AS was, kind_now AS became
FROM judged
WHERE
    declared <> 'text' AND kind_before <> kind_now
    AND filled_before >= expected AND filled_now >= expected
    AND NOT (declared = 'number' AND kind_before IN ('integer', 'decimal') AND kind_now IN ('integer', 'decimal'))
UNION ALL
SELECT
    delivery_id, column_name, variable, 'missing_jumped' AS change, expected_since,
    (cells_before - filled_before) || ' of ' || cells_before || ' empty' AS was,
    (cells_now - filled_now) || ' of ' || cells_now || ' empty' AS became
FROM judged
WHERE
    declared <> 'label' AND cells_before >= records AND cells_now >= records
    AND filled_before * cells_now - filled_now * cells_before >= share * cells_before * cells_now
