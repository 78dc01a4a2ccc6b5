-- Whether the programme's log can be used: one row a measure, all sites together, never by site, person or arm.
--
-- Only what is dated up to a day on which it tells nobody's arm: while people are recruited, the randomisation day of
-- the last participant whose ordinal is a multiple of 5; after recruitment closed, the end of the last whole block of
-- 28 days. No row while fewer than ten people have used the programme by then. `n` of `n_of`, where there is a whole.
WITH ordered AS (
    SELECT p.randomised_on, row_number() OVER (ORDER BY p.randomised_on, p.usubjid) AS ordinal
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    WHERE p.randomised AND p.randomised_on <= s.as_of
),
shown AS (
    SELECT
        CASE
            WHEN s.recruitment_closed_on <= s.as_of
                THEN s.recruitment_closed_on + CAST(28 * ((s.as_of - s.recruitment_closed_on) // 28) AS INTEGER)
            ELSE (SELECT max(randomised_on) FROM ordered WHERE ordinal % 5 = 0)
        END AS upto
    FROM study.setting AS s
),
used AS (
    SELECT d.subject_no, d.occurred_on, d.n_own, s.upto
    FROM engagement.day AS d
    JOIN shown AS s ON d.occurred_on <= s.upto
),
enough AS (
    SELECT max(upto) AS upto, count(DISTINCT subject_no) FILTER (WHERE n_own > 0) AS n_users
    FROM used
    HAVING count(DISTINCT subject_no) FILTER (WHERE n_own > 0) >= 10
),
by_day AS (
    SELECT u.occurred_on, CAST(sum(u.n_own) AS BIGINT) AS n_events
    FROM used AS u
    GROUP BY u.occurred_on
),
last_days AS (
    SELECT CAST(unnest(generate_series(upto - 27, upto, INTERVAL 1 DAY)) AS DATE) AS occurred_on FROM enough
),
counted AS (
    SELECT l.occurred_on, coalesce(d.n_events, 0) AS n_events
    FROM last_days AS l
    LEFT JOIN by_day AS d ON d.occurred_on = l.occurred_on
),
middle AS (
    SELECT quantile_disc(n_events, 0.5) AS median FROM counted
),
spread AS (
    SELECT m.median, quantile_disc(abs(c.n_events - m.median), 0.5) AS mad
    FROM counted AS c
    CROSS JOIN middle AS m
    GROUP BY m.median
),
unusual AS (
    SELECT
        count(*) FILTER (WHERE CASE
            WHEN s.mad = 0 THEN abs(c.n_events - s.median) * 2 > s.median
            ELSE abs(c.n_events - s.median) * 6745 > 35000 * s.mad
        END) AS n,
        count(*) AS n_of,
        max(s.median) AS median
    FROM counted AS c
    CROSS JOIN spread AS s
),
gap AS (
    SELECT max(occurred_on - former) - 1 AS n
    FROM (
        SELECT occurred_on, lag(occurred_on) OVER (ORDER BY occurred_on) AS former FROM by_day WHERE n_events > 0
    ) AS beside
),
account AS (
    SELECT
        count(*) AS n_of,
        count(*) FILTER (WHERE p.randomised) AS n
    FROM (SELECT DISTINCT subject_no FROM used) AS u
    JOIN core.subject AS p ON p.subject_no = u.subject_no
),
event AS (
    SELECT CAST(sum(n_own) AS BIGINT) AS n_of FROM used
),
finding AS (
    SELECT unnest([
        'repeated_event', 'overlapping_session', 'long_session', 'before_account', 'completed_before_opened',
        'clock_ahead', 'two_at_once'
    ]) AS finding
),
found AS (
    SELECT f.finding, CAST(sum(f.n) AS BIGINT) AS n
    FROM quality.log_finding AS f
    CROSS JOIN enough AS e
    WHERE f.found_on <= e.upto
    GROUP BY f.finding
),
measure AS (
    SELECT 'events_a_day' AS measure, median AS n, CAST(NULL AS BIGINT) AS n_of FROM unusual
    UNION ALL
    SELECT 'unusual_days' AS measure, n, n_of FROM unusual
    UNION ALL
    SELECT 'longest_silent_gap' AS measure, n, NULL AS n_of FROM gap
    UNION ALL
    SELECT 'users_randomised' AS measure, n, n_of FROM account
    UNION ALL
    SELECT k.finding AS measure, coalesce(f.n, 0) AS n, e.n_of
    FROM finding AS k
    CROSS JOIN event AS e
    LEFT JOIN found AS f ON f.finding = k.finding
)
SELECT
    m.measure,
    CAST(m.n AS BIGINT) AS n,
    CAST(m.n_of AS BIGINT) AS n_of,
    e.n_users,
    e.upto
FROM measure AS m
CROSS JOIN enough AS e
