-- What each delivery of the log says of a person and module, and how long that was held true: one row a site,
-- number, module, delivery and interval. Events whose record never changed count from their delivery on.
-- `first_on` and `last_on` are days of the participant's own events, `n_own` their number.
WITH lasting AS (
    SELECT
        u.site_id, u.subject_id, u.module, u.delivery_id,
        min(CASE WHEN u.actor = 'participant' THEN u.occurred_on END) AS first_on,
        max(CASE WHEN u.actor = 'participant' THEN u.occurred_on END) AS last_on,
        count(*) FILTER (WHERE u.actor = 'participant') AS n_own,
        min(CASE WHEN u.event = 'module_released' THEN u.occurred_at END) AS released_at,
        min(CASE WHEN u.event = 'module_opened' AND u.actor = 'participant' THEN u.occurred_at END) AS opened_at,
        min(CASE WHEN u.event = 'module_completed' THEN u.occurred_at END) AS completed_at
    FROM core.usage AS u
    ANTI JOIN core.usage_history AS changed ON changed.site_id = u.site_id AND changed.record_key = u.event_id
    GROUP BY u.site_id, u.subject_id, u.module, u.delivery_id
),
changed AS (
    SELECT
        u.site_id, u.subject_id, u.module, u.delivery_id, u.valid_from, u.valid_to,
        min(CASE WHEN u.actor = 'participant' THEN u.occurred_on END) AS first_on,
        max(CASE WHEN u.actor = 'participant' THEN u.occurred_on END) AS last_on,
        count(*) FILTER (WHERE u.actor = 'participant') AS n_own,
        min(CASE WHEN u.event = 'module_released' THEN u.occurred_at END) AS released_at,
        min(CASE WHEN u.event = 'module_opened' AND u.actor = 'participant' THEN u.occurred_at END) AS opened_at,
        min(CASE WHEN u.event = 'module_completed' THEN u.occurred_at END) AS completed_at
    FROM core.usage_history AS u
    GROUP BY u.site_id, u.subject_id, u.module, u.delivery_id, u.valid_from, u.valid_to
)
SELECT
    l.site_id,
    l.subject_id,
    l.module,
    d.sequence,
    d.place AS valid_from,
    CAST(NULL AS TIMESTAMPTZ) AS valid_to,
    l.first_on,
    l.last_on,
    l.n_own,
    l.released_at,
    l.opened_at,
    l.completed_at
FROM lasting AS l
JOIN core.counted_delivery AS d ON d.delivery_id = l.delivery_id
UNION ALL
SELECT
    c.site_id,
    c.subject_id,
    c.module,
    d.sequence,
    c.valid_from,
    c.valid_to,
    c.first_on,
    c.last_on,
    c.n_own,
    c.released_at,
    c.opened_at,
    c.completed_at
FROM changed AS c
JOIN core.counted_delivery AS d ON d.delivery_id = c.delivery_id
