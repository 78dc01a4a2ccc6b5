-- Expected items without a usable value, of forms of which anything ever came: one row an item of a planned form.
-- Every other item is in the state of its form (quality.expected): a received form's items are received.
--
-- The first that holds: not_applicable (answered NA), quarantined, coded_missing, lost, structurally_absent (the item
-- was not yet in the form on its day), left_blank. An item that any form of the same visit or week answers is
-- received.
WITH setting AS (
    SELECT upper(trim(weekly_label)) AS weekly_label FROM study.setting
),
unusable AS (
    SELECT
        v.usubjid, v.instrument, v.avisit, v.week_no, u.item,
        max(u.completed_on) AS completed_on,
        bool_or(u.state = 'quarantined') AS quarantined,
        bool_or(u.state = 'coded_missing') AS coded,
        CASE WHEN min(u.reason) = max(u.reason) THEN min(u.reason) WHEN count(u.reason) > 0 THEN 'several' END AS reason
    FROM outcome.unusable_answer AS u
    CROSS JOIN setting AS s
    JOIN quality.planned_form AS v ON v.usubjid = u.usubjid AND v.instrument = u.instrument
    WHERE
        CASE
            WHEN v.week_no = 0
                THEN coalesce(upper(trim(u.visit)), '') <> s.weekly_label
                    AND (upper(trim(u.visit)) = upper(v.avisit) OR u.completed_on BETWEEN v.opens_on AND v.due_on)
            ELSE u.completed_on BETWEEN v.opens_on AND v.due_on
        END
    GROUP BY v.usubjid, v.instrument, v.avisit, v.week_no, u.item
),
n_item AS (
    SELECT instrument, count(*) AS n_items FROM study.item GROUP BY instrument
),
answered_na AS (
    SELECT DISTINCT form_no FROM outcome.answer WHERE not_applicable
),
-- Forms that came whole are not looked into.
looked_into AS (
    SELECT usubjid, instrument, avisit, week_no FROM unusable
    UNION
    SELECT f.usubjid, f.instrument, f.avisit, f.week_no
    FROM quality.filled_form AS f
    JOIN n_item AS i ON i.instrument = f.instrument
    LEFT JOIN answered_na AS na ON na.form_no = f.form_no
    WHERE f.n_answered < i.n_items OR na.form_no IS NOT NULL
),
form AS (
    SELECT f.usubjid, f.instrument, f.avisit, f.week_no, f.form_no, f.completed_on
    FROM quality.filled_form AS f
    SEMI JOIN looked_into AS l
        ON l.usubjid = f.usubjid AND l.instrument = f.instrument AND l.avisit = f.avisit AND l.week_no = f.week_no
),
answered AS (
    SELECT f.usubjid, f.instrument, f.avisit, f.week_no, a.item, bool_or(NOT a.not_applicable) AS valued
    FROM form AS f
    JOIN outcome.answer AS a ON a.form_no = f.form_no
    GROUP BY f.usubjid, f.instrument, f.avisit, f.week_no, a.item
),
filled_on AS (
    SELECT usubjid, instrument, avisit, week_no, max(completed_on) AS completed_on
    FROM (
        SELECT usubjid, instrument, avisit, week_no, completed_on FROM form
        UNION ALL
        SELECT usubjid, instrument, avisit, week_no, completed_on FROM unusable
    ) AS any_day
    GROUP BY usubjid, instrument, avisit, week_no
)
SELECT
    l.usubjid,
    l.instrument,
    l.avisit,
    l.week_no,
    i.item,
    CASE
        WHEN a.item IS NOT NULL THEN 'not_applicable'
        WHEN u.quarantined THEN 'quarantined'
        WHEN u.coded THEN 'coded_missing'
        WHEN u.item IS NOT NULL THEN 'lost'
        WHEN i.since > d.completed_on THEN 'structurally_absent'
        ELSE 'left_blank'
    END AS state,
    CASE WHEN a.item IS NULL AND NOT u.quarantined AND u.coded THEN u.reason END AS missing_reason
FROM looked_into AS l
JOIN study.item AS i ON i.instrument = l.instrument
LEFT JOIN answered AS a
    ON a.usubjid = l.usubjid AND a.instrument = l.instrument AND a.avisit = l.avisit AND a.week_no = l.week_no
    AND a.item = i.item
LEFT JOIN unusable AS u
    ON u.usubjid = l.usubjid AND u.instrument = l.instrument AND u.avisit = l.avisit AND u.week_no = l.week_no
    AND u.item = i.item
LEFT JOIN filled_on AS d
    ON d.usubjid = l.usubjid AND d.instrument = l.instrument AND d.avisit = l.avisit AND d.week_no = l.week_no
WHERE NOT coalesce(a.valued, FALSE)
