-- Attrition curves (Kaplan-Meier): one row a parameter of analysis.adtte, arm (ALL for everybody) and day on which somebody
-- had the event or was censored. Eysenbach's two kinds (2005, 10.2196/jmir.7.1.e11) are DROPOUT and NONUSE. surv is the
-- share still without the event after the day, the product over days of (n_risk - n_event) / n_risk, taken in the
-- order of days.
WITH RECURSIVE timed AS (
    SELECT t.paramcd, g.arm, t.aval, t.cnsr
    FROM analysis.adtte AS t
    JOIN core.subject AS p ON p.usubjid = t.usubjid
    CROSS JOIN LATERAL (SELECT 'ALL' AS arm UNION SELECT p.arm AS arm WHERE p.arm IS NOT NULL) AS g
    WHERE t.aval IS NOT NULL
),
counted AS (
    SELECT
        paramcd, arm, aval AS aday,
        count(*) FILTER (WHERE cnsr = 0) AS n_event,
        count(*) FILTER (WHERE cnsr = 1) AS n_censored
    FROM timed
    GROUP BY paramcd, arm, aval
),
at_risk AS (
    SELECT
        paramcd, arm, aday, n_event, n_censored,
        CAST(sum(n_event + n_censored) OVER (PARTITION BY paramcd, arm ORDER BY aday DESC) AS BIGINT) AS n_risk,
        row_number() OVER (PARTITION BY paramcd, arm ORDER BY aday) AS step
    FROM counted
),
curve AS (
    SELECT
        paramcd, arm, aday, n_risk, n_event, n_censored, step,
        CAST(n_risk - n_event AS DOUBLE) / n_risk AS surv
    FROM at_risk
    WHERE step = 1
    UNION ALL
    SELECT
        r.paramcd, r.arm, r.aday, r.n_risk, r.n_event, r.n_censored, r.step,
        c.surv * (r.n_risk - r.n_event) / r.n_risk AS surv
    FROM curve AS c
    JOIN at_risk AS r ON r.paramcd = c.paramcd AND r.arm = c.arm AND r.step = c.step + 1
)
SELECT paramcd, arm, CAST(aday AS BIGINT) AS aday, n_risk, n_event, n_censored, surv
FROM curve
