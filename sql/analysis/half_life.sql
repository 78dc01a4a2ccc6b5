-- Half-lives: one row a parameter of analysis.adtte and arm (ALL for everybody). half_life is the Kaplan-Meier
-- median: the first day after which at most half are without the event; NULL while more than half are. The usage
-- half-life (Eysenbach 2005, 10.2196/jmir.7.1.e11) is that of USELIFE, which counts from the first use.
SELECT
    paramcd,
    arm,
    max(n_risk) AS n_people,
    CAST(sum(n_event) AS BIGINT) AS n_events,
    min(CASE WHEN round(surv, 12) <= 0.5 THEN aday END) AS half_life
FROM analysis.attrition
GROUP BY paramcd, arm
