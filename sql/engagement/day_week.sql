-- The certificate by study week: one row a person and week of their time in the study since the programme began.
-- n_days are the days that the person was in the study and as-of had come; of these, how many are certified as used or
-- not used, were used, and have no log.
SELECT
    usubjid,
    week_no,
    count(*) AS n_days,
    count(*) FILTER (WHERE state IN ('used', 'no_use')) AS n_days_certified,
    count(*) FILTER (WHERE state = 'used') AS n_days_used,
    count(*) FILTER (WHERE state = 'log_outage') AS n_days_outage
FROM engagement.day_state
WHERE week_no >= 1 AND state NOT IN ('test_account', 'before_start', 'after_withdrawal', 'after_completion')
GROUP BY usubjid, week_no
