-- How far each rule of schemas/queries/ reaches at each site: one row a rule and site.
-- n_applicable: records that the rule is about now (of `quarantined_…`: rows of the files that count); what a rule
-- does not apply to has not passed it. n_queries: those of them that have a query that is not closed; for `quarantined_…`
-- many rows may have one.
WITH judged AS (
    SELECT rule, site_id, record_key, known_to FROM quality.judged_person
    UNION ALL
    SELECT rule, site_id, record_key, known_to FROM quality.judged_form
    UNION ALL
    SELECT rule, site_id, record_key, known_to FROM quality.judged_total
    UNION ALL
    SELECT rule, site_id, record_key, known_to FROM quality.judged_event
    UNION ALL
    SELECT rule, site_id, record_key, known_to FROM quality.judged_usage
),
applicable AS (
    SELECT rule, site_id, count(DISTINCT record_key) AS n_applicable
    FROM judged
    WHERE known_to IS NULL
    GROUP BY rule, site_id
    UNION ALL
    SELECT 'quarantined_' || i.feed AS rule, i.site_id, CAST(sum(i.n_rows) AS BIGINT) AS n_applicable
    FROM input.delivery AS i
    JOIN core.counted_delivery AS d ON d.delivery_id = i.delivery_id AND d.replaced_by_seq IS NULL
    GROUP BY i.feed, i.site_id
),
asked AS (
    SELECT
        CASE WHEN r.rule IS NULL THEN 'quarantined_' || q.feed ELSE q.rule END AS rule,
        q.site_id,
        count(*) AS n_queries
    FROM quality.data_query AS q
    LEFT JOIN study.query_rule AS r ON r.rule = q.rule
    WHERE q.status <> 'closed'
    GROUP BY CASE WHEN r.rule IS NULL THEN 'quarantined_' || q.feed ELSE q.rule END, q.site_id
)
SELECT
    r.rule,
    s.site_id,
    r.feed,
    r.column_name,
    r.severity,
    r.used,
    r.applies,
    CASE WHEN r.used THEN coalesce(a.n_applicable, 0) END AS n_applicable,
    CASE WHEN r.used THEN coalesce(q.n_queries, 0) END AS n_queries,
    r.message
FROM study.query_rule AS r
CROSS JOIN study.site AS s
LEFT JOIN applicable AS a ON a.rule = r.rule AND a.site_id = s.site_id
LEFT JOIN asked AS q ON q.rule = r.rule AND q.site_id = s.site_id
