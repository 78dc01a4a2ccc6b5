-- Dose: one row a person, use of the programme in the weeks of treatment beside the primary outcome. Whoever was never given
-- the programme has no dose (NULL, not zero). The outcome is that of the epoch in which the programme was given: the
-- analysed record of its visit that is due as long after its start as the primary visit is after the first's.
-- Adherence is by the study file's first definition. dcert of ddays days are certified (engagement.day_state).
WITH given AS (
    SELECT p.usubjid, w.epoch_no, w.starts_on, p.arm, p.arm_label
    FROM core.subject AS p
    LEFT JOIN core.programme AS w ON w.usubjid = p.usubjid AND w.programme_access
),
outcome_visit AS (
    SELECT v.epoch_no, v.avisit
    FROM study.setting AS s
    JOIN study.visit AS prim ON prim.avisit = s.primary_avisit
    JOIN study.visit AS v ON v.target_day = prim.target_day
),
result AS (
    SELECT g.usubjid, q.avisit, q.adt, q.base, q.aval, q.chg, q.respfl, q.remisfl
    FROM given AS g
    CROSS JOIN study.setting AS s
    JOIN outcome_visit AS v ON v.epoch_no = coalesce(g.epoch_no, 1)
    JOIN analysis.adqs AS q
        ON q.usubjid = g.usubjid AND q.paramcd = s.primary_paramcd AND q.avisit = v.avisit AND q.anl01fl = 'Y'
)
SELECT
    p.usubjid,
    p.studyid,
    p.subjid,
    p.siteid,
    p.arm,
    p.ittfl,
    p.pprotfl,
    g.starts_on AS dosestdt,
    d.n_days AS ddays,
    d.n_days_certified AS dcert,
    d.n_weeks_certified AS wcert,
    d.n_days_used AS ndaysact,
    d.n_weeks_used AS nweeksact,
    d.n_sessions AS nsess,
    d.active_minutes AS sessmin,
    d.n_modules_completed AS nmodcomp,
    100.0 * d.n_core_completed / nullif(d.n_core_modules, 0) AS pctcore,
    d.n_messages_to_therapist AS nmsgto,
    d.n_messages_from_therapist AS nmsgfrom,
    d.n_calls AS ncalls,
    d.therapist_minutes AS thermin,
    h.avalc AS adhfl,
    h.defid AS adhdef,
    s.primary_paramcd AS paramcd,
    r.avisit,
    r.adt,
    r.base,
    r.aval,
    r.chg,
    r.respfl,
    r.remisfl
FROM analysis.adsl AS p
CROSS JOIN study.setting AS s
JOIN given AS g ON g.usubjid = p.usubjid
LEFT JOIN engagement.period AS d ON d.usubjid = p.usubjid AND d.aperiod = 'TREATMENT'
LEFT JOIN study.adherence AS a ON a.priority = 1
LEFT JOIN analysis.adadh AS h ON h.usubjid = p.usubjid AND h.defid = a.definition
LEFT JOIN result AS r ON r.usubjid = p.usubjid
