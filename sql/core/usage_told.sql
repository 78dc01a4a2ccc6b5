-- What each delivery of the log says of a person and module: one row a site, number, module, delivery and interval.
-- Events whose record never changed count from their delivery on (valid_from NULL). `first_on` and `last_on` are days of
-- the participant's own events, `n_own` their number.
WITH told AS (
    SELECT
        u.site_id, u.subject_id, u.module, u.delivery_id, u.actor, u.event, u.occurred_at, u.occurred_on,
        CAST(NULL AS TIMESTAMPTZ) AS valid_from, CAST(NULL AS TIMESTAMPTZ) AS valid_to
    FROM core.usage AS u
    ANTI JOIN core.usage_history AS changed ON changed.site_id = u.site_id AND changed.record_key = u.event_id
    UNION ALL
    SELECT
        site_id, subject_id, module, delivery_id, actor, event, occurred_at, occurred_on, valid_from, valid_to
    FROM core.usage_history
)
SELECT
    site_id,
    subject_id,
    module,
    delivery_id,
    valid_from,
    valid_to,
    min(CASE WHEN actor = 'participant' THEN occurred_on END) AS first_on,
    max(CASE WHEN actor = 'participant' THEN occurred_on END) AS last_on,
    count(*) FILTER (WHERE actor = 'participant') AS n_own,
    min(CASE WHEN event = 'module_released' THEN occurred_at END) AS released_at,
    min(CASE WHEN event = 'module_opened' AND actor = 'participant' THEN occurred_at END) AS opened_at,
    min(CASE WHEN event = 'module_completed' THEN occurred_at END) AS completed_at
FROM told
GROUP BY site_id, subject_id, module, delivery_id, valid_from, valid_to
