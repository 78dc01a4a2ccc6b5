-- Change since baseline: one row a record, with a value, after the baseline record of its person and epoch.
-- `worsening` is the change in the direction that is worse, `improvement_percent` how far the score went
-- from baseline in the direction that is better, in per cent of baseline.
-- Both are rounded to nine decimals, so that a prorated score just at a threshold reaches it.
WITH change AS (
    SELECT
        r.usubjid, r.paramcd, r.aseq,
        b.score AS base,
        r.score - b.score AS chg,
        CASE WHEN s.direction = 'higher_is_better' THEN -1 ELSE 1 END AS sign
    FROM outcome.record AS r
    JOIN outcome.baseline AS b ON b.usubjid = r.usubjid AND b.paramcd = r.paramcd AND b.epoch_no = r.epoch_no
    JOIN study.score AS s ON s.paramcd = r.paramcd
    WHERE r.aseq > b.aseq AND r.score IS NOT NULL
)
SELECT
    usubjid,
    paramcd,
    aseq,
    chg,
    CASE WHEN base <> 0 THEN 100 * chg / base END AS pchg,
    round(sign * chg, 9) AS worsening,
    CASE WHEN base > 0 THEN round(-100 * sign * chg / base, 9) END AS improvement_percent
FROM change
