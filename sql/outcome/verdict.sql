-- What the definitions on one parameter say of a visit: one row a person, visit, definition and question, of the
-- record that stands for the visit. CASE is asked of every value, the others of values after baseline.
-- Differences and values are compared to nine decimals, so that a prorated score just at a threshold reaches it.
WITH value AS (
    SELECT
        c.usubjid, c.avisit, c.paramcd, c.aseq, r.completed_on,
        round(CASE WHEN s.direction = 'higher_is_better' THEN -r.score ELSE r.score END, 9) AS badness,
        CASE WHEN s.direction = 'higher_is_better' THEN -1 ELSE 1 END AS sign,
        ch.worsening,
        ch.improvement_percent,
        ch.aseq IS NOT NULL AS after_baseline
    FROM outcome.chosen AS c
    JOIN outcome.record AS r ON r.usubjid = c.usubjid AND r.paramcd = c.paramcd AND r.aseq = c.aseq
    JOIN study.score AS s ON s.paramcd = c.paramcd
    LEFT JOIN outcome.change AS ch
        ON ch.usubjid = c.usubjid AND ch.paramcd = c.paramcd AND ch.aseq = c.aseq
),
judged AS (
    SELECT v.*, d.rule, d.definition, d.version, d.source, d.verified, d.threshold
    FROM value AS v
    JOIN core.subject AS p ON p.usubjid = v.usubjid
    JOIN study.definition AS d ON d.site_id = p.site_id AND d.paramcd = v.paramcd
    WHERE v.after_baseline OR d.rule = 'caseness'
)
SELECT
    j.usubjid,
    j.avisit,
    j.definition,
    q.question,
    j.version,
    j.source,
    j.verified,
    j.paramcd AS measures,
    j.completed_on,
    CASE q.question
        WHEN 'CASE' THEN j.badness >= j.sign * j.threshold
        WHEN 'RELIMP' THEN j.worsening <= -j.threshold
        WHEN 'RELDET' THEN j.worsening >= j.threshold
        WHEN 'RESP' THEN j.improvement_percent >= j.threshold
        WHEN 'REMIS' THEN j.badness <= j.sign * j.threshold
    END AS holds
FROM judged AS j
JOIN (
    VALUES
        ('caseness', 'CASE'),
        ('reliable_change', 'RELIMP'),
        ('reliable_change', 'RELDET'),
        ('response', 'RESP'),
        ('remission', 'REMIS')
) AS q (rule, question) ON q.rule = j.rule
