-- What the definitions over several measures say of a visit (NHS Talking Therapies): one row a person, visit,
-- definition and question. Of each list of measures the first counts that has a value both at the start and at the
-- visit (SPIN in place of GAD-7 where recorded); where a list has none, nothing can be said.
--
-- Recovery: a case on at least one measure at the start and on none at the visit; asked only of who was a case.
-- Reliable improvement: better by a reliable change on one measure and by none worse on another. Reliable
-- deterioration: the other way round. Reliable recovery: recovery and reliable improvement.
WITH measured AS (
    SELECT
        c.usubjid, c.avisit, m.definition, m.slot, m.preference, m.paramcd, r.completed_on,
        round(s.sign * b.score, 9) >= s.sign * m.caseness AS case_at_start,
        round(s.sign * r.score, 9) >= s.sign * m.caseness AS case_at_visit,
        ch.worsening <= -m.reliable_change AS improved,
        ch.worsening >= m.reliable_change AS deteriorated
    FROM outcome.chosen AS c
    JOIN study.recovery_measure AS m ON m.paramcd = c.paramcd
    JOIN (SELECT paramcd, CASE WHEN direction = 'higher_is_better' THEN -1 ELSE 1 END AS sign FROM study.score) AS s
        ON s.paramcd = c.paramcd
    JOIN outcome.record AS r ON r.usubjid = c.usubjid AND r.paramcd = c.paramcd AND r.aseq = c.aseq
    JOIN outcome.change AS ch ON ch.usubjid = c.usubjid AND ch.paramcd = c.paramcd AND ch.aseq = c.aseq
    JOIN outcome.baseline AS b
        ON b.usubjid = c.usubjid AND b.paramcd = c.paramcd AND b.epoch_no = r.epoch_no
),
used AS (
    SELECT *
    FROM measured
    QUALIFY row_number() OVER (PARTITION BY usubjid, avisit, definition, slot ORDER BY preference) = 1
),
slots AS (
    SELECT definition, count(DISTINCT slot) AS n_slots
    FROM study.recovery_measure
    GROUP BY definition
),
together AS (
    SELECT
        u.usubjid,
        u.avisit,
        u.definition,
        string_agg(u.paramcd, ', ' ORDER BY u.slot) AS measures,
        max(u.completed_on) AS completed_on,
        bool_or(u.case_at_start) AS case_at_start,
        bool_or(u.case_at_visit) AS case_at_visit,
        bool_or(u.improved) AND NOT bool_or(u.deteriorated) AS improved,
        bool_or(u.deteriorated) AND NOT bool_or(u.improved) AS deteriorated
    FROM used AS u
    JOIN slots ON slots.definition = u.definition
    GROUP BY u.usubjid, u.avisit, u.definition, slots.n_slots
    HAVING count(*) = slots.n_slots
)
SELECT
    t.usubjid,
    t.avisit,
    t.definition,
    q.question,
    d.version,
    d.source,
    d.verified,
    t.measures,
    t.completed_on,
    CASE q.question
        WHEN 'RECOV' THEN CASE WHEN t.case_at_start THEN NOT t.case_at_visit END
        WHEN 'RELIMP' THEN t.improved
        WHEN 'RELDET' THEN t.deteriorated
        WHEN 'RELRECOV' THEN CASE WHEN t.case_at_start THEN NOT t.case_at_visit AND t.improved END
    END AS holds
FROM together AS t
JOIN study.recovery AS d ON d.definition = t.definition
CROSS JOIN (VALUES ('RECOV'), ('RELIMP'), ('RELDET'), ('RELRECOV')) AS q (question)
