-- Epochs: one row a person with a reference date and an epoch that the person has begun, numbered in time.
--
-- The first begins on the reference date in the allocated arm. Those of the arms that the study file names go on
-- to a later one, which begins so many weeks after the reference date (once that day has come, for people still
-- in the study), on the day of the last form sent for a visit, or at their second allocation.
WITH last_form AS (
    SELECT p.usubjid, e.epoch_no, max(q.completed_on) AS completed_on
    FROM study.epoch AS e
    CROSS JOIN study.setting AS s
    JOIN study.visit AS v ON v.avisit = e.last_form_of
    JOIN study.visit_arm AS va ON va.avisit = v.avisit
    JOIN core.subject AS p ON coalesce(p.arm, '') = va.arm
    JOIN core.questionnaires AS q ON q.usubjid = p.usubjid
    WHERE
        e.starts = 'last_form_of'
        AND q.value IS NOT NULL
        AND upper(trim(coalesce(q.visit, ''))) <> upper(trim(s.weekly_label))
        AND q.completed_on - p.reference_on
            + CASE WHEN q.completed_on >= p.reference_on THEN 1 ELSE 0 END BETWEEN v.window_from AND v.window_to
    GROUP BY p.usubjid, e.epoch_no
),
later AS (
    SELECT
        p.usubjid,
        e.epoch_no,
        e.epoch,
        CASE WHEN e.starts = 'second_allocation' THEN a.second_arm ELSE e.arm END AS arm,
        CASE
            WHEN e.starts = 'second_allocation' THEN a.second_randomised_on
            WHEN e.starts = 'last_form_of' THEN f.completed_on
            WHEN p.reference_on + CAST(7 * e.weeks AS INTEGER) <= least(s.as_of, p.study_end)
                THEN p.reference_on + CAST(7 * e.weeks AS INTEGER)
        END AS start_on
    FROM core.subject AS p
    CROSS JOIN study.setting AS s
    JOIN study.epoch_arm AS ea ON ea.arm = coalesce(p.arm, '')
    JOIN study.epoch AS e ON e.epoch_no = ea.epoch_no
    LEFT JOIN core.allocation AS a ON a.usubjid = p.usubjid
    LEFT JOIN last_form AS f ON f.usubjid = p.usubjid AND f.epoch_no = e.epoch_no
    WHERE p.reference_on IS NOT NULL
),
begun AS (
    SELECT p.usubjid, e.epoch_no, e.epoch, p.arm, p.reference_on AS start_on
    FROM core.subject AS p
    JOIN study.epoch AS e ON e.epoch_no = 1
    WHERE p.reference_on IS NOT NULL
    UNION ALL
    SELECT l.usubjid, l.epoch_no, l.epoch, l.arm, l.start_on
    FROM later AS l
    JOIN core.subject AS p ON p.usubjid = l.usubjid
    WHERE l.start_on > p.reference_on
)
SELECT
    b.usubjid,
    b.epoch_no,
    b.epoch,
    b.arm,
    coalesce(arm.label, b.arm) AS arm_label,
    CASE WHEN s.has_allocation THEN coalesce(arm.programme_access, FALSE) ELSE TRUE END AS programme_access,
    b.start_on,
    lead(b.start_on) OVER (PARTITION BY b.usubjid ORDER BY b.epoch_no) AS next_start_on
FROM begun AS b
CROSS JOIN study.setting AS s
LEFT JOIN study.arm AS arm ON arm.arm = b.arm
