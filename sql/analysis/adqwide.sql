-- Scores week by week, side by side, as the R package suddengains reads them: one row a person who has been given the
-- programme and parameter that it asks weekly. s0 is the baseline, s1 to s26 the scores of the weeks since the start of the
-- programme's epoch (as in analysis.adqw), post the visit of the primary outcome in that epoch, fu1 to fu3 the visits after
-- it in order. Later weeks than the 26th are in analysis.adqw alone.
--
-- Columns 1000 and up stand for visits: 1000 is post, 1001 the first after it.
WITH given AS (
    SELECT usubjid, epoch_no FROM core.programme WHERE programme_access
),
late_visit AS (
    SELECT v.avisit, v.epoch_no, 999 + row_number() OVER (PARTITION BY v.epoch_no ORDER BY v.target_day, v.avisitn) AS place
    FROM study.setting AS s
    JOIN study.visit AS prim ON prim.avisit = s.primary_avisit
    JOIN study.visit AS v ON v.target_day >= prim.target_day
),
placed AS (
    SELECT q.usubjid, q.paramcd, 0 AS place, q.aval AS score
    FROM given AS g
    JOIN analysis.adqs AS q
        ON q.usubjid = g.usubjid
        AND CASE WHEN g.epoch_no = 1 THEN q.ablfl = 'Y' ELSE q.ablper = g.epoch_no END
    UNION ALL
    SELECT w.usubjid, w.paramcd, w.aperweek AS place, w.aval AS score
    FROM given AS g
    JOIN analysis.adqw AS w ON w.usubjid = g.usubjid AND w.aperiod = g.epoch_no AND w.aperweek BETWEEN 1 AND 26
    UNION ALL
    SELECT q.usubjid, q.paramcd, v.place, q.aval AS score
    FROM given AS g
    JOIN late_visit AS v ON v.epoch_no = g.epoch_no
    JOIN analysis.adqs AS q ON q.usubjid = g.usubjid AND q.avisit = v.avisit AND q.anl01fl = 'Y'
),
wide AS (
    SELECT
        usubjid, paramcd,
        max(CASE WHEN place = 0 THEN score END) AS s0,
        max(CASE WHEN place = 1 THEN score END) AS s1,
        max(CASE WHEN place = 2 THEN score END) AS s2,
        max(CASE WHEN place = 3 THEN score END) AS s3,
        max(CASE WHEN place = 4 THEN score END) AS s4,
        max(CASE WHEN place = 5 THEN score END) AS s5,
        max(CASE WHEN place = 6 THEN score END) AS s6,
        max(CASE WHEN place = 7 THEN score END) AS s7,
        max(CASE WHEN place = 8 THEN score END) AS s8,
        max(CASE WHEN place = 9 THEN score END) AS s9,
        max(CASE WHEN place = 10 THEN score END) AS s10,
        max(CASE WHEN place = 11 THEN score END) AS s11,
        max(CASE WHEN place = 12 THEN score END) AS s12,
        max(CASE WHEN place = 13 THEN score END) AS s13,
        max(CASE WHEN place = 14 THEN score END) AS s14,
        max(CASE WHEN place = 15 THEN score END) AS s15,
        max(CASE WHEN place = 16 THEN score END) AS s16,
        max(CASE WHEN place = 17 THEN score END) AS s17,
        max(CASE WHEN place = 18 THEN score END) AS s18,
        max(CASE WHEN place = 19 THEN score END) AS s19,
        max(CASE WHEN place = 20 THEN score END) AS s20,
        max(CASE WHEN place = 21 THEN score END) AS s21,
        max(CASE WHEN place = 22 THEN score END) AS s22,
        max(CASE WHEN place = 23 THEN score END) AS s23,
        max(CASE WHEN place = 24 THEN score END) AS s24,
        max(CASE WHEN place = 25 THEN score END) AS s25,
        max(CASE WHEN place = 26 THEN score END) AS s26,
        max(CASE WHEN place = 1000 THEN score END) AS post,
        max(CASE WHEN place = 1001 THEN score END) AS fu1,
        max(CASE WHEN place = 1002 THEN score END) AS fu2,
        max(CASE WHEN place = 1003 THEN score END) AS fu3
    FROM placed
    GROUP BY usubjid, paramcd
)
SELECT
    w.usubjid,
    w.paramcd,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    p.arm,
    w.s0, w.s1, w.s2, w.s3, w.s4, w.s5, w.s6, w.s7, w.s8, w.s9, w.s10, w.s11, w.s12, w.s13,
    w.s14, w.s15, w.s16, w.s17, w.s18, w.s19, w.s20, w.s21, w.s22, w.s23, w.s24, w.s25, w.s26,
    w.post, w.fu1, w.fu2, w.fu3
FROM wide AS w
JOIN study.score AS c ON c.paramcd = w.paramcd
JOIN study.instrument AS i ON i.instrument = c.instrument AND i.weekly
JOIN core.subject AS p ON p.usubjid = w.usubjid
