-- Serious adverse events and how soon they were reported: one row an event, of whomever.
-- delay_days: from its onset to the site's report. Late: reported later than the study file allows, or not yet
-- reported although that day is past; NULL where the onset is not known.
SELECT
    a.site_id,
    a.ae_id,
    a.usubjid,
    a.subject_id,
    a.onset_date,
    a.reported_on,
    CAST(timezone(site.timezone, min(h.valid_from)) AS DATE) AS delivered_on,
    a.severity,
    a.related,
    a.reported_on - a.onset_date AS delay_days,
    rule.report_serious_within_days AS allowed_days,
    coalesce(a.reported_on, s.as_of) - a.onset_date > rule.report_serious_within_days AS late
FROM core.adverse_events AS a
JOIN core.adverse_events_history AS h ON h.site_id = a.site_id AND h.record_key = a.record_key AND h.serious = 'Y'
JOIN study.site AS site ON site.site_id = a.site_id
CROSS JOIN study.safety AS rule
CROSS JOIN study.setting AS s
WHERE a.serious = 'Y'
GROUP BY
    a.site_id, a.ae_id, a.usubjid, a.subject_id, a.onset_date, a.reported_on, a.severity, a.related, site.timezone,
    rule.report_serious_within_days, s.as_of
