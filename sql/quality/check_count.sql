-- What the rules about single records found, as everybody may see it: one row a rule and site.
--
-- The rules of schemas/queries/ that the study uses: records that the rule is about, and queries of it that are open.
-- refused_…: rows of files that stand which a reading rule set aside, of all rows of those files. What only one arm
-- can have is not counted.
WITH judged AS (
    SELECT rule, site_id, record_key FROM quality.judged_person WHERE known_to IS NULL AND NOT one_arm
    UNION ALL
    SELECT rule, site_id, record_key FROM quality.judged_form WHERE known_to IS NULL AND NOT one_arm
    UNION ALL
    SELECT rule, site_id, record_key FROM quality.judged_total WHERE known_to IS NULL AND NOT one_arm
),
applicable AS (
    SELECT rule, site_id, count(DISTINCT record_key) AS n_evaluated FROM judged GROUP BY rule, site_id
),
asked AS (
    SELECT rule, site_id, count(*) AS n_failing, min(opened_on) AS first_seen
    FROM quality.data_query
    WHERE blinding = 'safe' AND status IN ('open', 'miscorrected')
    GROUP BY rule, site_id
),
standing AS (
    SELECT d.delivery_id, d.site_id, d.n_rows, CAST(timezone(s.timezone, d.place) AS DATE) AS arrived_on
    FROM quality.delivery AS d
    JOIN quality.shown_delivery AS shown ON shown.delivery_id = d.delivery_id
    JOIN study.site AS s ON s.site_id = d.site_id
    WHERE d.stands AND d.status IN ('accepted', 'partial')
),
read_row AS (
    SELECT site_id, CAST(sum(n_rows) AS BIGINT) AS n_evaluated FROM standing GROUP BY site_id
),
refused AS (
    SELECT
        q.rule, d.site_id,
        count(DISTINCT concat_ws('|', q.delivery_id, q.row_no)) AS n_failing,
        min(d.arrived_on) AS first_seen
    FROM quality.quarantine AS q
    JOIN standing AS d ON d.delivery_id = q.delivery_id
    GROUP BY q.rule, d.site_id
),
refusal AS (
    SELECT DISTINCT rule FROM refused
)
SELECT
    r.rule AS check_name,
    'rule' AS kind,
    site.site_id,
    coalesce(a.n_evaluated, 0) AS n_evaluated,
    least(coalesce(q.n_failing, 0), coalesce(a.n_evaluated, 0)) AS n_failing,
    q.first_seen
FROM study.query_rule AS r
CROSS JOIN study.site AS site
LEFT JOIN applicable AS a ON a.rule = r.rule AND a.site_id = site.site_id
LEFT JOIN asked AS q ON q.rule = r.rule AND q.site_id = site.site_id
WHERE r.used AND r.blinding = 'safe' AND NOT starts_with(r.rule, 'quarantined_')
UNION ALL
SELECT
    'refused_' || f.rule AS check_name,
    'refusal' AS kind,
    site.site_id,
    coalesce(t.n_evaluated, 0) AS n_evaluated,
    coalesce(r.n_failing, 0) AS n_failing,
    r.first_seen
FROM refusal AS f
CROSS JOIN study.site AS site
LEFT JOIN read_row AS t ON t.site_id = site.site_id
LEFT JOIN refused AS r ON r.rule = f.rule AND r.site_id = site.site_id
