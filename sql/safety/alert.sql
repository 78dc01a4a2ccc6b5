-- Alerts for a site's clinician, and whether they were acknowledged in time: one row an alert.
--
-- due_at: so many hours after it was noticed as the study file says. Only the first acknowledgement counts.
-- overdue: nobody acknowledged it, and its hour passed before the as-of day began at the site.
WITH acknowledged AS (
    SELECT
        alert_id,
        min_by(given_by, (given_at, acknowledgement_id)) AS given_by,
        min(given_at) AS given_at
    FROM input.acknowledgement
    GROUP BY alert_id
)
SELECT
    r.alert_id,
    r.site_id,
    r.subject_id,
    r.usubjid,
    r.kind,
    r.severity,
    r.what,
    r.visit,
    r.occurred_on,
    r.noticed_at,
    r.noticed_at + to_hours(rule.acknowledge_within_hours) AS due_at,
    r.standing,
    r.n_records,
    CASE
        WHEN a.given_at <= r.noticed_at + to_hours(rule.acknowledge_within_hours) THEN 'acknowledged'
        WHEN a.given_at IS NOT NULL THEN 'acknowledged_late'
        WHEN CAST(timezone(site.timezone, r.noticed_at + to_hours(rule.acknowledge_within_hours)) AS DATE) < s.as_of
            THEN 'overdue'
        ELSE 'open'
    END AS status,
    a.given_by AS acknowledged_by,
    a.given_at AS acknowledged_at
FROM safety.raised AS r
JOIN study.site AS site ON site.site_id = r.site_id
CROSS JOIN study.safety AS rule
CROSS JOIN study.setting AS s
LEFT JOIN acknowledged AS a ON a.alert_id = r.alert_id
