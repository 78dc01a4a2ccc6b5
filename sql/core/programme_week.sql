-- The weeks in which a person could use the programme: one row a person and study week, from week 1
-- (the seven days from the start of the programme on) to the earlier of as-of and end of study.
-- Only those whom the protocol gives the programme (core.programme): in the arm they were allocated to, after
-- waiting for it, or, in a trial without arms, once enrolled. last_day stops where the person's time stops.
WITH treated AS (
    SELECT p.subject_no, p.usubjid, p.site_id, p.subject_id, p.starts_on, least(s.as_of, p.study_end) AS last_day
    FROM core.programme AS p
    CROSS JOIN study.setting AS s
    WHERE p.programme_access
),
numbered AS (
    SELECT *, unnest(generate_series(1, date_diff('day', starts_on, last_day) // 7 + 1)) AS week_no
    FROM treated
    WHERE last_day >= starts_on
)
SELECT
    subject_no,
    usubjid,
    site_id,
    subject_id,
    week_no,
    starts_on + CAST(7 * (week_no - 1) AS INTEGER) AS first_day,
    least(starts_on + CAST(7 * week_no - 1 AS INTEGER), last_day) AS last_day
FROM numbered
