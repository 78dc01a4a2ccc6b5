-- The state of every form that the protocol could ask: one row a person, instrument, and visit or week of treatment.
--
-- Exactly one state each, so that the states add up to people times forms, and with quality.expected_item to people
-- times items. What came decides first: received, or received_late (the visit's form, after its window); else what
-- is known of answers that are no value: quarantined, coded_missing, lost; else what the calendar says of a form that
-- never came (quality.planned_form). Of a form that is missing, the reason the site coded, and the latest intercurrent
-- event that began by the form's last day and had not ended before its first.
WITH filled AS (
    SELECT
        usubjid, instrument, avisit, week_no,
        bool_or(in_window) AS in_window,
        min(completed_on) AS completed_on
    FROM quality.filled_form
    GROUP BY usubjid, instrument, avisit, week_no
),
item AS (
    SELECT
        usubjid, instrument, avisit, week_no,
        count(*) AS n_listed,
        bool_or(state = 'quarantined') AS quarantined,
        bool_or(state = 'coded_missing') AS coded,
        bool_or(state = 'lost') AS lost,
        CASE WHEN min(missing_reason) = max(missing_reason) THEN min(missing_reason) ELSE 'several' END AS reason
    FROM quality.expected_item
    GROUP BY usubjid, instrument, avisit, week_no
),
n_item AS (
    SELECT instrument, count(*) AS n_items FROM study.item GROUP BY instrument
),
form AS (
    SELECT
        v.*,
        n.n_items,
        coalesce(i.n_listed, 0) AS n_listed,
        coalesce(f.in_window, FALSE) AS in_window,
        CASE
            WHEN NOT f.in_window AND f.completed_on > v.due_on THEN 'received_late'
            WHEN f.usubjid IS NOT NULL THEN 'received'
            WHEN i.quarantined THEN 'quarantined'
            WHEN i.coded THEN 'coded_missing'
            WHEN i.lost THEN 'lost'
            ELSE v.absence
        END AS state,
        i.reason
    FROM quality.planned_form AS v
    JOIN n_item AS n ON n.instrument = v.instrument
    LEFT JOIN filled AS f
        ON f.usubjid = v.usubjid AND f.instrument = v.instrument AND f.avisit = v.avisit AND f.week_no = v.week_no
    LEFT JOIN item AS i
        ON i.usubjid = v.usubjid AND i.instrument = v.instrument AND i.avisit = v.avisit AND i.week_no = v.week_no
),
explained AS (
    SELECT
        f.usubjid, f.instrument, f.avisit, f.week_no,
        max_by(e.kind, e.event_no) AS kind,
        max_by(e.started_on, e.event_no) AS started_on
    FROM form AS f
    JOIN outcome.intercurrent_event AS e
        ON e.usubjid = f.usubjid AND e.started_on <= f.due_on
        AND (e.ended_on IS NULL OR e.ended_on >= f.opens_on)
    WHERE f.state NOT IN ('received', 'received_late', 'not_due', 'structurally_absent')
    GROUP BY f.usubjid, f.instrument, f.avisit, f.week_no
)
SELECT
    f.usubjid,
    f.instrument,
    f.avisit,
    f.week_no,
    p.site_id,
    p.subject_id,
    f.opens_on,
    f.due_on,
    f.state,
    f.expected OR f.state IN ('received', 'received_late') AS expected,
    f.in_window,
    f.absence = 'overdue' AND f.state NOT IN ('received', 'received_late') AS overdue,
    f.n_items,
    f.n_listed AS n_items_listed,
    CASE WHEN f.state = 'coded_missing' THEN f.reason END AS missing_reason,
    e.kind AS intercurrent_event,
    e.started_on AS intercurrent_on
FROM form AS f
JOIN core.subject AS p ON p.usubjid = f.usubjid
LEFT JOIN explained AS e
    ON e.usubjid = f.usubjid AND e.instrument = f.instrument AND e.avisit = f.avisit AND e.week_no = f.week_no
