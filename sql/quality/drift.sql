-- Changes of a site's export: one row a difference between a delivery's columns and those of the delivery before it
-- in its stream (the last one that counted). Names, codes and counts only.
--
-- An alert stands while its delivery does (a refused one until that is made good), for the days of the study file,
-- and until a later delivery changes the same thing again. A new column that the study file announced (with the
-- first day on which it is expected) is listed, and is no alert.
WITH change AS (
    SELECT
        delivery_id, column_name, variable, change, was, became, expected_since,
        CASE WHEN change = 'gone' AND is_read THEN 'critical' ELSE 'notice' END AS severity
    FROM quality.drift_column
    UNION ALL
    SELECT
        delivery_id, column_name, variable, change, was, became, expected_since,
        CASE WHEN change = 'range_shifted' THEN 'critical' ELSE 'warning' END AS severity
    FROM quality.drift_value
),
placed AS (
    SELECT
        c.*, p.previous_delivery_id, p.site_id, p.feed, p.stream, p.sequence, p.counts, p.arrived_on,
        CASE WHEN c.change IN ('gone', 'new') THEN 'presence' ELSE c.change END AS subject
    FROM change AS c
    JOIN quality.compared_delivery AS p ON p.delivery_id = c.delivery_id
),
newest AS (
    SELECT *, max(CASE WHEN counts THEN sequence END) OVER (
        PARTITION BY site_id, feed, stream, column_name, variable, subject
    ) AS last_sequence
    FROM placed
)
SELECT
    n.delivery_id,
    n.column_name,
    n.variable,
    n.change,
    n.previous_delivery_id,
    n.site_id,
    n.feed,
    n.stream,
    n.was,
    n.became,
    n.severity,
    n.expected_since,
    s.as_of - n.arrived_on <= l.days
        AND coalesce(n.sequence >= n.last_sequence, TRUE)
        AND (n.counts OR d.stands)
        AND NOT (n.change = 'new' AND n.expected_since IS NOT NULL) AS stands
FROM newest AS n
JOIN quality.delivery AS d ON d.delivery_id = n.delivery_id
CROSS JOIN study.setting AS s
CROSS JOIN study.drift_limit AS l
