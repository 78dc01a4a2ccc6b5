-- What each site still owes on the as-of day: one row an owed thing.
--
-- delivery: a source that sends nothing for longer than the study file expects (quality.arrival); due the expected
-- number of days after the last arrival, or, where it never came, after the site's first arrival of anything.
-- visit_form: a form of the schedule whose window has closed (quality.person_form), due on the window's last day.
-- weekly_form: an instrument that the programme asks weekly, for each week of treatment of a person with the
-- programme, due on the week's last day; any form of the instrument in that week will do, as in analysis.adqw.
-- Whoever completed or withdrew owes nothing that falls due later.
WITH first_arrival AS (
    SELECT d.site_id, min(CAST(timezone(s.timezone, d.place) AS DATE)) AS first_on
    FROM input.delivery AS d
    JOIN study.site AS s ON s.site_id = d.site_id
    GROUP BY d.site_id
),
delivery AS (
    SELECT
        a.site_id, a.feed, a.stream, a.blinding,
        coalesce(a.due_on, f.first_on + CAST(a.expected_every_days AS INTEGER)) AS due_on
    FROM quality.arrival AS a
    LEFT JOIN first_arrival AS f ON f.site_id = a.site_id
    WHERE a.overdue
),
visit_form AS (
    SELECT p.site_id, p.subject_id, f.usubjid, f.avisit, f.instrument, f.due_on
    FROM quality.person_form AS f
    JOIN core.subject AS p ON p.usubjid = f.usubjid
    WHERE f.overdue
),
week AS (
    SELECT
        w.usubjid, w.site_id, w.subject_id, w.week_no, i.instrument,
        w.first_day,
        w.first_day + 6 AS due_on
    FROM core.programme_week AS w
    CROSS JOIN study.setting AS s
    JOIN core.subject AS p ON p.usubjid = w.usubjid
    JOIN study.instrument AS i ON i.weekly
    WHERE
        w.week_no <= s.treatment_weeks
        AND w.first_day + 6 < s.as_of
        AND coalesce(p.study_end >= w.first_day + 6, TRUE)
        AND coalesce(i.weekly_since <= w.first_day, TRUE)
),
weekly_form AS (
    SELECT w.*
    FROM week AS w
    ANTI JOIN outcome.form AS f
        ON f.usubjid = w.usubjid AND f.instrument = w.instrument
        AND f.completed_on BETWEEN w.first_day AND w.due_on
),
owed AS (
    SELECT
        'delivery' AS kind, site_id, CAST(NULL AS VARCHAR) AS subject_id, CAST(NULL AS VARCHAR) AS usubjid,
        feed || ' from ' || stream AS what, due_on, feed, stream, blinding,
        CAST(NULL AS VARCHAR) AS avisit, CAST(NULL AS VARCHAR) AS instrument, CAST(NULL AS BIGINT) AS week_no
    FROM delivery
    UNION ALL
    SELECT
        'visit_form' AS kind, site_id, subject_id, usubjid,
        avisit || ' ' || instrument AS what, due_on, 'questionnaires' AS feed, NULL AS stream, 'revealing' AS blinding,
        avisit, instrument, NULL AS week_no
    FROM visit_form
    UNION ALL
    SELECT
        'weekly_form' AS kind, site_id, subject_id, usubjid,
        'week ' || week_no || ' ' || instrument AS what, due_on, 'questionnaires' AS feed, NULL AS stream,
        'revealing' AS blinding, NULL AS avisit, instrument, week_no
    FROM weekly_form
)
SELECT
    concat_ws('|', o.kind, o.site_id, coalesce(o.subject_id, ''), o.what) AS owed_id,
    o.kind,
    o.site_id,
    o.subject_id,
    o.usubjid,
    o.what,
    o.due_on,
    s.as_of - o.due_on AS days_overdue,
    o.feed,
    o.stream,
    o.avisit,
    o.instrument,
    o.week_no,
    o.blinding
FROM owed AS o
CROSS JOIN study.setting AS s
