-- Analysis records: one row a person, parameter and record number. A person's records of a parameter
-- are numbered by time, then by the delivery that first brought the form, then by its row there.
SELECT
    f.usubjid,
    s.paramcd,
    row_number() OVER (
        PARTITION BY f.usubjid, s.paramcd
        ORDER BY f.ordered_by, f.sequence, f.row_no, f.form_no
    ) AS aseq,
    f.form_no,
    v.avisit,
    v.avisitn,
    v.target_day,
    v.target_difference,
    f.study_day,
    f.ordered_by,
    s.score,
    s.n_items,
    s.n_missing,
    s.derivation,
    v.epoch_no,
    v.epoch_day,
    f.completed_on,
    f.source
FROM outcome.score AS s
JOIN outcome.form AS f ON f.form_no = s.form_no
JOIN outcome.form_visit AS v ON v.form_no = s.form_no
