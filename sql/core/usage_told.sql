-- What each delivery of the log says of a person and module: one row a site, number, module, delivery and interval.
-- Events whose record never changed count from their delivery on (valid_from NULL). `first_on` and `last_on` are days of
-- the participant's own events, `n_own` their number.
SELECT
    u.site_id,
    u.subject_id,
    u.module,
    u.delivery_id,
    CAST(NULL AS TIMESTAMPTZ) AS valid_from,
    CAST(NULL AS TIMESTAMPTZ) AS valid_to,
    min(CASE WHEN u.actor = 'participant' THEN u.occurred_on END) AS first_on,
    max(CASE WHEN u.actor = 'participant' THEN u.occurred_on END) AS last_on,
    count(*) FILTER (WHERE u.actor = 'participant') AS n_own,
    min(CASE WHEN u.event = 'module_released' THEN u.occurred_at END) AS released_at,
    min(CASE WHEN u.event = 'module_opened' AND u.actor = 'participant' THEN u.occurred_at END) AS opened_at,
    min(CASE WHEN u.event = 'module_completed' THEN u.occurred_at END) AS completed_at
FROM core.usage AS u
ANTI JOIN core.usage_history AS changed ON changed.site_id = u.site_id AND changed.record_key = u.event_id
GROUP BY u.site_id, u.subject_id, u.module, u.delivery_id
UNION ALL
SELECT
    u.site_id,
    u.subject_id,
    u.module,
    u.delivery_id,
    u.valid_from,
    u.valid_to,
    min(CASE WHEN u.actor = 'participant' THEN u.occurred_on END) AS first_on,
    max(CASE WHEN u.actor = 'participant' THEN u.occurred_on END) AS last_on,
    count(*) FILTER (WHERE u.actor = 'participant') AS n_own,
    min(CASE WHEN u.event = 'module_released' THEN u.occurred_at END) AS released_at,
    min(CASE WHEN u.event = 'module_opened' AND u.actor = 'participant' THEN u.occurred_at END) AS opened_at,
    min(CASE WHEN u.event = 'module_completed' THEN u.occurred_at END) AS completed_at
FROM core.usage_history AS u
GROUP BY u.site_id, u.subject_id, u.module, u.delivery_id, u.valid_from, u.valid_to
