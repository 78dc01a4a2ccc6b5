-- The visits that the protocol plans for a person, on the calendar: one row a person and visit of the arm that
-- the person is in during the visit's epoch. A visit that only other arms have is no row: its absence is no gap.
-- There is no study day 0. The windows of an epoch close when the next one begins: on its first day, still untreated.
WITH planned AS (
    SELECT
        e.usubjid, v.avisit, v.avisitn, e.epoch_no, v.target_day, e.next_start_on,
        e.start_on + CAST(v.window_from - CASE WHEN v.window_from > 0 THEN 1 ELSE 0 END AS INTEGER) AS opens_on,
        e.start_on + CAST(v.target_day - CASE WHEN v.target_day > 0 THEN 1 ELSE 0 END AS INTEGER) AS target_on,
        e.start_on + CAST(v.window_to - CASE WHEN v.window_to > 0 THEN 1 ELSE 0 END AS INTEGER) AS closes_on
    FROM core.epoch AS e
    JOIN study.visit AS v ON v.epoch_no = e.epoch_no
    JOIN study.visit_arm AS va ON va.avisit = v.avisit AND va.arm = coalesce(e.arm, '')
)
SELECT
    usubjid,
    avisit,
    avisitn,
    epoch_no,
    target_day,
    opens_on,
    target_on,
    least(closes_on, next_start_on) AS closes_on
FROM planned
WHERE opens_on <= coalesce(next_start_on, opens_on)
