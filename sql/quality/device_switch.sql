-- Going back and forth between devices: one row a site, number and day at the site on which the participant's next event
-- came from another device, no later than the study file's minutes. n counts how often.
WITH on_device AS (
    SELECT
        site_id, subject_id, occurred_on, device,
        lag(device) OVER log AS former_device,
        epoch_us(occurred_at) - epoch_us(lag(occurred_at) OVER log) AS since_us
    FROM core.usage
    WHERE actor = 'participant' AND device IS NOT NULL AND occurred_at IS NOT NULL AND subject_id IS NOT NULL
    WINDOW log AS (PARTITION BY site_id, subject_id ORDER BY occurred_at, event_id)
)
SELECT o.site_id, o.subject_id, o.occurred_on, count(*) AS n
FROM on_device AS o
JOIN study.log_limit AS limits ON o.since_us <= limits.switch_minutes * 60000000
WHERE o.device <> o.former_device
GROUP BY o.site_id, o.subject_id, o.occurred_on
