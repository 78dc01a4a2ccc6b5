-- Silence of a whole site: one row a site and run of days in its log without anybody's event, judged against the
-- site's own history.
--
-- Of everybody still in the weeks of treatment when the run begins, the days with own events in the study file's so
-- many days before it make a daily rate each; times the days of the run on which the person still was in treatment they
-- make the user-days to be expected in it. The run is an outage of the log when these, and the people they
-- come from, reach the study file's numbers. Only days before the run and the run itself count: nothing that
-- comes after. A run grows from night to night, and once it is long enough all of it is an outage, from its first
-- day on. Without a rule in the study file no run is judged.
WITH run_day AS (
    SELECT
        site_id, day,
        date_diff('day', DATE '2000-01-01', day) - row_number() OVER (PARTITION BY site_id ORDER BY day) AS run_no
    FROM engagement.site_day
    WHERE n_events = 0
),
run AS (
    SELECT site_id, min(day) AS first_day, max(day) AS last_day, count(*) AS n_days
    FROM run_day
    GROUP BY site_id, run_no
),
treated AS (
    SELECT
        w.subject_no, w.site_id, w.starts_on,
        least(w.starts_on + CAST(7 * s.treatment_weeks - 1 AS INTEGER), w.study_end) AS last_day
    FROM core.programme AS w
    CROSS JOIN study.setting AS s
    WHERE w.programme_access
),
recent_user AS (
    SELECT
        r.site_id, r.first_day, t.subject_no,
        count(*) AS n_used,
        date_diff('day', r.first_day, least(max(t.last_day), max(r.last_day))) + 1 AS n_days
    FROM run AS r
    CROSS JOIN study.silence AS rule
    JOIN treated AS t ON t.site_id = r.site_id AND t.starts_on < r.first_day AND t.last_day >= r.first_day
    JOIN engagement.day AS d
        ON d.subject_no = t.subject_no AND d.n_own > 0
        AND d.occurred_on < r.first_day
        AND d.occurred_on >= r.first_day - CAST(rule.history_days AS INTEGER)
    GROUP BY r.site_id, r.first_day, t.subject_no
),
expected AS (
    SELECT site_id, first_day, count(*) AS n_people, CAST(sum(n_used * n_days) AS BIGINT) AS used_times_days
    FROM recent_user
    GROUP BY site_id, first_day
)
SELECT
    r.site_id,
    r.first_day,
    r.last_day,
    r.n_days,
    coalesce(e.n_people, 0) AS n_people,
    CAST(coalesce(e.used_times_days, 0) AS DOUBLE) / rule.history_days AS expected_user_days,
    coalesce(
        e.n_people >= rule.people AND e.used_times_days >= rule.expected_user_days * rule.history_days, FALSE
    ) AS is_outage
FROM run AS r
LEFT JOIN study.silence AS rule ON TRUE
LEFT JOIN expected AS e ON e.site_id = r.site_id AND e.first_day = r.first_day
