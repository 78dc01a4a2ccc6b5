-- Days on which anything happened in a person's programme: one row a person and day at the site.
SELECT
    subject_no,
    occurred_on,
    CAST(sum(n_events) AS BIGINT) AS n_events,
    CAST(sum(n_own) AS BIGINT) AS n_own,
    CAST(sum(n_ahead) AS BIGINT) AS n_ahead,
    CAST(sum(n_accounts_created) AS BIGINT) AS n_accounts_created
FROM engagement.module_day
WHERE occurred_on IS NOT NULL
GROUP BY subject_no, occurred_on
