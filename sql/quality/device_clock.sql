-- Clocks of the devices from which participants use the programme: one row a site, number and device ('' where the log
-- names none), of events of which the log says when the platform stored them. The least delay from an event's time to its storing
-- is about the device's offset: a clock that is right makes it small and positive, a fast one negative, a slow one
-- large. wrong says which limit of the study file it breaks.
WITH stored AS (
    SELECT
        site_id, subject_id, coalesce(device, '') AS device,
        epoch_us(stored_at) - epoch_us(occurred_at) AS delay_us
    FROM core.usage
    WHERE actor = 'participant' AND stored_at IS NOT NULL AND occurred_at IS NOT NULL AND subject_id IS NOT NULL
),
measured AS (
    SELECT
        d.site_id, d.subject_id, d.device,
        count(*) AS n_events,
        count(*) FILTER (WHERE d.delay_us < -limits.minutes_ahead * 60000000) AS n_ahead,
        min(d.delay_us) AS least_us,
        max(d.delay_us) AS most_us,
        max(limits.minutes_behind) * 60000000 AS behind_us
    FROM stored AS d
    CROSS JOIN study.log_limit AS limits
    GROUP BY d.site_id, d.subject_id, d.device
)
SELECT
    site_id,
    subject_id,
    device,
    n_events,
    n_ahead,
    least_us / 1000000.0 AS least_delay_s,
    most_us / 1000000.0 AS most_delay_s,
    CASE WHEN n_ahead > 0 THEN 'ahead' WHEN least_us > behind_us THEN 'behind' END AS wrong
FROM measured
