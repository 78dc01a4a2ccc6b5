-- Questionnaire scores by study week: one row a person, parameter and week with a form, of whatever source.
-- The value nearest to the week's last day stands for the week, of equally near ones the earlier, then the lower
-- aseq. Only a week in which no form has a value is shown without one.
SELECT
    w.usubjid,
    w.paramcd,
    w.week_no AS aweek,
    w.completed_on AS adt,
    w.score AS aval,
    w.n_missing AS nmiss,
    w.derivation AS dtype,
    w.source AS srcform,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    s.param,
    s.instrument AS parcat1,
    w.aseq,
    w.days_from_week_end AS awtdiff,
    count(*) OVER (PARTITION BY w.usubjid, w.paramcd, w.week_no) AS nform,
    w.epoch_no AS aperiod,
    w.epoch_week AS aperweek
FROM outcome.week_record AS w
JOIN core.subject AS p ON p.usubjid = w.usubjid
JOIN study.score AS s ON s.paramcd = w.paramcd
QUALIFY row_number() OVER (
    PARTITION BY w.usubjid, w.paramcd, w.week_no
    ORDER BY w.score IS NULL, abs(w.days_from_week_end), w.ordered_by, w.aseq
) = 1
