-- What every check of schemas/checks/ found: one row a check and site, judged afterwards against the
-- tolerance of the study file. Counts only: no value of a participant is in it.
SELECT check_name, site_id, n_checked, n_failed FROM quality.metric_delivery
UNION ALL
SELECT check_name, site_id, n_checked, n_failed FROM quality.metric_subject
UNION ALL
SELECT check_name, site_id, n_checked, n_failed FROM quality.metric_form
UNION ALL
SELECT check_name, site_id, n_checked, n_failed FROM quality.metric_usage
UNION ALL
SELECT check_name, site_id, n_checked, n_failed FROM quality.metric_log
UNION ALL
SELECT check_name, site_id, n_checked, n_failed FROM quality.metric_expected
UNION ALL
SELECT check_name, site_id, n_checked, n_failed FROM quality.metric_safety
UNION ALL
SELECT check_name, site_id, n_checked, n_failed FROM quality.metric_drift
