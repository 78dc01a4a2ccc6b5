-- What is or was wrong with single records: one row a query and interval in which the fault was known. A query is
-- what one rule has against one record; its number is made of site, feed, rule and record key alone (of a refused
-- row also the column), so that the same fault is the same query on every night and every machine.
-- `version` tells one wrong value from another without telling either.
WITH judged AS (
    SELECT * FROM quality.judged_person
    UNION ALL BY NAME
    SELECT * FROM quality.judged_form
    UNION ALL BY NAME
    SELECT * FROM quality.judged_total
    UNION ALL BY NAME
    SELECT * FROM quality.judged_event
    UNION ALL BY NAME
    SELECT * FROM quality.judged_usage
),
broken AS (
    SELECT
        j.rule, r.rule AS family, r.feed, r.column_name, j.site_id, j.subject_id, j.record_key, j.known_from, j.known_to,
        r.message, j.value, j.sequence, j.one_arm, '' AS told_apart_by
    FROM judged AS j
    JOIN study.query_rule AS r ON r.rule = j.rule AND r.used
    WHERE j.broken
    UNION ALL
    SELECT
        q.rule, 'quarantined_' || q.feed AS family, q.feed, q.column_name, q.site_id, q.subject_id, q.record_key,
        q.known_from, q.known_to, q.message, CAST(NULL AS VARCHAR) AS value, q.sequence, q.one_arm,
        q.column_name AS told_apart_by
    FROM quality.fault_quarantine AS q
),
numbered AS (
    SELECT
        *,
        upper(left(sha256(concat_ws(chr(31), site_id, feed, rule, record_key, told_apart_by)), 12)) AS digits
    FROM broken
    WHERE known_to IS NULL OR known_from < known_to
)
SELECT
    concat_ws('-', 'Q', left(digits, 4), substr(digits, 5, 4), right(digits, 4)) AS query_id,
    known_from,
    known_to,
    left(sha256(coalesce(value, '')), 16) AS version,
    rule,
    family,
    site_id,
    feed,
    subject_id,
    record_key,
    column_name,
    message,
    sequence,
    one_arm
FROM numbered
