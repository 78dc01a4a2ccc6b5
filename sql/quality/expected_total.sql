-- How many forms and items are in which state: one row a site, visit (or the weekly forms), instrument and state.
-- Items that quality.expected_item lists count in their own state, all others in that of their form.
WITH listed AS (
    SELECT p.site_id, i.avisit, i.instrument, i.state, count(*) AS n_items
    FROM quality.expected_item AS i
    JOIN core.subject AS p ON p.usubjid = i.usubjid
    GROUP BY p.site_id, i.avisit, i.instrument, i.state
),
counted AS (
    SELECT site_id, avisit, instrument, state, count(*) AS n_forms, sum(n_items - n_items_listed) AS n_items
    FROM quality.expected
    GROUP BY site_id, avisit, instrument, state
    UNION ALL
    SELECT site_id, avisit, instrument, state, 0 AS n_forms, n_items
    FROM listed
)
SELECT
    site_id,
    avisit,
    instrument,
    state,
    CAST(sum(n_forms) AS BIGINT) AS n_forms,
    CAST(sum(n_items) AS BIGINT) AS n_items
FROM counted
GROUP BY site_id, avisit, instrument, state
