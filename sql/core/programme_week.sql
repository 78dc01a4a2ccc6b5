-- The weeks in which a person could use the programme: one row a person and study week, from week 1
-- (the seven days from the treatment start on) to the earlier of as-of and end of study.
-- Only those whom the protocol gives the programme: randomised to an arm with access, or, in a trial
-- without arms, enrolled. last_day stops where the person's time stops.
WITH treated AS (
    SELECT subject_no, usubjid, site_id, subject_id, treatment_start, least(s.as_of, p.study_end) AS last_day
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    WHERE p.programme_access AND p.treatment_start IS NOT NULL
),
numbered AS (
    SELECT *, unnest(generate_series(1, date_diff('day', treatment_start, last_day) // 7 + 1)) AS week_no
    FROM treated
    WHERE last_day >= treatment_start
)
SELECT
    subject_no,
    usubjid,
    site_id,
    subject_id,
    week_no,
    treatment_start + CAST(7 * (week_no - 1) AS INTEGER) AS first_day,
    least(treatment_start + CAST(7 * week_no - 1 AS INTEGER), last_day) AS last_day
FROM numbered
