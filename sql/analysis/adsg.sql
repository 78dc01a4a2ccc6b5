-- Sudden gains (Tang & DeRubeis 1999): one row a gain, between weeks n and n+1 of an epoch, both with a value.
--
-- 1. The score falls by at least a reliable change. 2. It falls by at least the definition's share of the score
-- before. 3. The mean of weeks n-2 to n lies above that of n+1 to n+3 by more than t times the pooled standard
-- deviation of both; each side has at least two values, and t follows from how many there are in all:
-- 2.776 for six, 3.182 for five, 4.303 for four (Lutz et al. 2013).
--
-- Weeks are those of treatment; of several values of a week the one nearest to its last day counts. Sums are
-- of DECIMAL, so that they do not depend on the order.
WITH week AS (
    SELECT
        w.usubjid, w.paramcd, w.epoch_no, w.epoch_week, w.completed_on, w.score,
        CAST(w.score AS DECIMAL(18, 9)) AS exact
    FROM outcome.week_record AS w
    CROSS JOIN study.setting AS s
    WHERE
        w.score IS NOT NULL
        AND w.epoch_week BETWEEN 1 AND coalesce(s.treatment_weeks, w.epoch_week)
    QUALIFY row_number() OVER (
        PARTITION BY w.usubjid, w.paramcd, w.epoch_no, w.epoch_week
        ORDER BY w.completed_on DESC, w.ordered_by, w.aseq
    ) = 1
),
fall AS (
    SELECT
        b.usubjid, b.paramcd, b.epoch_no, b.epoch_week, d.definition,
        b.completed_on AS before_on, a.completed_on AS after_on, b.score AS score_before, a.score AS score_after
    FROM week AS b
    JOIN study.sudden_gain AS d ON d.paramcd = b.paramcd
    JOIN week AS a
        ON a.usubjid = b.usubjid AND a.paramcd = b.paramcd AND a.epoch_no = b.epoch_no
        AND a.epoch_week = b.epoch_week + 1
    WHERE
        round(b.score - a.score, 9) >= round(d.fall, 9)
        AND round(b.score - a.score, 9) >= round(d.share * b.score, 9)
),
around AS (
    SELECT
        f.usubjid, f.definition, f.epoch_no, f.epoch_week,
        n.epoch_week <= f.epoch_week AS is_before,
        count(*) AS n_values,
        CAST(sum(n.exact) AS DECIMAL(18, 9)) AS total,
        sum(n.exact * n.exact) AS squares
    FROM fall AS f
    JOIN week AS n
        ON n.usubjid = f.usubjid AND n.paramcd = f.paramcd AND n.epoch_no = f.epoch_no
        AND n.epoch_week BETWEEN f.epoch_week - 2 AND f.epoch_week + 3
    GROUP BY f.usubjid, f.definition, f.epoch_no, f.epoch_week, n.epoch_week <= f.epoch_week
),
side AS (
    SELECT
        usubjid, definition, epoch_no, epoch_week, is_before, n_values,
        CAST(total AS DOUBLE) / n_values AS mean,
        -- Of equal values nothing must be left: what is subtracted is exact.
        CAST(n_values * squares - total * total AS DOUBLE) / n_values AS deviation
    FROM around
),
compared AS (
    SELECT
        f.*,
        b.n_values AS n_before,
        a.n_values AS n_after,
        b.mean AS mean_before,
        a.mean AS mean_after,
        CASE b.n_values + a.n_values WHEN 6 THEN 2.776 WHEN 5 THEN 3.182 WHEN 4 THEN 4.303 END AS critical_t,
        sqrt((b.deviation + a.deviation) / (b.n_values + a.n_values - 2)) AS pooled_sd
    FROM fall AS f
    JOIN side AS b
        ON b.usubjid = f.usubjid AND b.definition = f.definition AND b.epoch_no = f.epoch_no
        AND b.epoch_week = f.epoch_week AND b.is_before
    JOIN side AS a
        ON a.usubjid = f.usubjid AND a.definition = f.definition AND a.epoch_no = f.epoch_no
        AND a.epoch_week = f.epoch_week AND NOT a.is_before
    WHERE b.n_values >= 2 AND a.n_values >= 2
)
SELECT
    c.usubjid,
    c.definition AS defid,
    c.epoch_no AS aperiod,
    c.epoch_week AS aperweek,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    c.paramcd,
    row_number() OVER (PARTITION BY c.usubjid, c.definition ORDER BY c.epoch_no, c.epoch_week) AS sgseq,
    c.before_on AS sgbefdt,
    c.after_on AS sgaftdt,
    c.score_before AS sgbef,
    c.score_after AS sgaft,
    c.score_before - c.score_after AS aval,
    c.n_before AS nbef,
    c.n_after AS naft,
    c.mean_before AS meanbef,
    c.mean_after AS meanaft,
    c.pooled_sd AS sdpool,
    CAST(c.critical_t AS DOUBLE) AS tcrit,
    d.version AS defver,
    d.source AS defsrc,
    CASE WHEN d.verified THEN 'Y' ELSE 'N' END AS defvrfl
FROM compared AS c
JOIN study.sudden_gain AS d ON d.definition = c.definition
JOIN core.subject AS p ON p.usubjid = c.usubjid
WHERE round(c.mean_before - c.mean_after, 9) > round(CAST(c.critical_t AS DOUBLE) * c.pooled_sd, 9)
