-- Progress through the programme: one row a person and module of which the log knows anything.
-- Opening is what the participant did; release and completion are whoever marked them. Active minutes are
-- the participant's, of the events that carry the module. Days are those of the site.
WITH marked AS (
    SELECT
        p.subject_no, u.module,
        min(CASE WHEN u.event = 'module_released' THEN u.occurred_at END) AS released_at,
        min(CASE WHEN u.event = 'module_released' AND u.actor = 'therapist' THEN u.occurred_at END)
            AS released_by_therapist_at,
        min(CASE WHEN u.event = 'module_released' AND u.actor = 'system' THEN u.occurred_at END)
            AS released_by_system_at,
        min(CASE WHEN u.event = 'module_opened' AND u.actor = 'participant' THEN u.occurred_at END) AS first_opened_at,
        min(CASE WHEN u.event = 'module_completed' THEN u.occurred_at END) AS completed_at,
        min(CASE WHEN u.event = 'module_released' THEN u.occurred_on END) AS released_on,
        min(CASE WHEN u.event = 'module_opened' AND u.actor = 'participant' THEN u.occurred_on END) AS first_opened_on,
        min(CASE WHEN u.event = 'module_completed' THEN u.occurred_on END) AS completed_on,
        count(*) FILTER (WHERE u.event = 'module_opened' AND u.actor = 'participant') AS n_opens
    FROM core.usage AS u
    JOIN core.subject AS p ON p.site_id = u.site_id AND p.subject_id = u.subject_id
    WHERE u.module IS NOT NULL
    GROUP BY p.subject_no, u.module
),
spent AS (
    SELECT subject_no, module, sum(active_us) AS active_us
    FROM engagement.activity
    WHERE module IS NOT NULL
    GROUP BY subject_no, module
)
SELECT
    p.usubjid,
    m.module,
    p.site_id AS siteid,
    p.subject_id,
    known.is_core,
    m.released_at,
    m.first_opened_at,
    m.completed_at,
    m.n_opens,
    coalesce(s.active_us, 0) / 60000000.0 AS active_minutes,
    known.kind,
    CASE
        WHEN m.released_by_therapist_at = m.released_at THEN 'therapist'
        WHEN m.released_by_system_at = m.released_at THEN 'system'
    END AS released_by,
    m.released_on,
    m.first_opened_on,
    m.completed_on
FROM marked AS m
JOIN core.subject AS p ON p.subject_no = m.subject_no
LEFT JOIN spent AS s ON s.subject_no = m.subject_no AND s.module = m.module
LEFT JOIN study.module AS known ON known.module = m.module
