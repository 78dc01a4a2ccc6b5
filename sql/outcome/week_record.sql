-- Study weeks of records: one row a record of a person whose weeks can be counted.
-- Week n holds the days 7(n-1) to 7n-1 after the treatment start (after the reference date in a study without
-- treatment); earlier weeks are 0 and less. epoch_week counts the same way from the start of the record's epoch.
WITH started AS (
    SELECT
        r.usubjid,
        r.paramcd,
        r.aseq,
        r.form_no,
        r.score,
        r.n_missing,
        r.derivation,
        r.source,
        r.completed_on,
        r.ordered_by,
        r.epoch_no,
        coalesce(p.treatment_start, p.reference_on) AS started_on,
        CASE WHEN r.epoch_no > 1 THEN e.start_on ELSE coalesce(p.treatment_start, p.reference_on) END AS epoch_started_on
    FROM outcome.record AS r
    JOIN core.subject AS p ON p.usubjid = r.usubjid
    LEFT JOIN core.epoch AS e ON e.usubjid = r.usubjid AND e.epoch_no = r.epoch_no
),
numbered AS (
    SELECT
        *,
        CAST(floor(date_diff('day', started_on, completed_on) / 7.0) AS BIGINT) + 1 AS week_no,
        CAST(floor(date_diff('day', epoch_started_on, completed_on) / 7.0) AS BIGINT) + 1 AS epoch_week
    FROM started
    WHERE started_on IS NOT NULL
)
SELECT
    usubjid,
    paramcd,
    aseq,
    form_no,
    week_no,
    epoch_no,
    epoch_week,
    completed_on - (started_on + CAST(7 * week_no - 1 AS INTEGER)) AS days_from_week_end,
    score,
    n_missing,
    derivation,
    source,
    completed_on,
    ordered_by
FROM numbered
