-- Own events that stand in the log more than once under different numbers, by time, event and module: one row a person and
-- day at the site with any. n counts each beyond the first. Only the logs of people who ever did two things at one moment
-- are looked through.
WITH at_once AS (
    SELECT DISTINCT subject_no FROM engagement.activity WHERE n_at_once > 0
),
told AS (
    SELECT p.subject_no, u.occurred_on, count(*) AS n
    FROM core.usage AS u
    JOIN core.subject AS p ON p.site_id = u.site_id AND p.subject_id = u.subject_id
    SEMI JOIN at_once ON at_once.subject_no = p.subject_no
    WHERE u.actor = 'participant' AND u.occurred_at IS NOT NULL
    GROUP BY p.subject_no, u.occurred_on, u.occurred_at, u.event, u.module
    HAVING count(*) > 1
)
SELECT subject_no, occurred_on, CAST(sum(n - 1) AS BIGINT) AS n
FROM told
GROUP BY subject_no, occurred_on
