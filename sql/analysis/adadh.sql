-- Adherence: one row a person who has been given the programme and named definition of the study file, which holds use
-- against a stated intended use (Sieverink et al. 2017, 10.2196/jmir.8578; defcat is their category). Y: every threshold is
-- reached. N: the period is over, or the person has left, and one is not. NULL: the period goes on, or the log tells too
-- little of a measure. More use than the threshold is no more adherent. dcert of ddays days of the period are certified: an N
-- says no more than these.
WITH compared AS (
    SELECT
        e.usubjid, d.definition,
        count(*) FILTER (
            WHERE round(e.aval, 9) >= coalesce(t.at_least, e.aval) AND round(e.aval, 9) <= coalesce(t.at_most, e.aval)
        ) AS n_met,
        count(*) FILTER (WHERE e.aval IS NULL) AS n_unknown,
        bool_or(t.at_most IS NOT NULL) AS has_most,
        max(e.ddays) AS ddays,
        max(e.dcert) AS dcert
    FROM study.adherence AS d
    JOIN study.adherence_threshold AS t ON t.definition = d.definition
    JOIN analysis.adeng AS e ON e.paramcd = t.paramcd AND e.aperiod = d.aperiod
    GROUP BY e.usubjid, d.definition
)
SELECT
    c.usubjid,
    d.definition AS defid,
    p.study_id AS studyid,
    p.site_id AS siteid,
    p.subject_id AS subjid,
    d.title AS param,
    d.aperiod,
    CASE
        WHEN c.n_met = d.n_thresholds AND (r.over OR NOT c.has_most) THEN 'Y'
        WHEN r.over AND c.n_met + c.n_unknown < d.n_thresholds THEN 'N'
    END AS avalc,
    c.n_met AS nmet,
    d.n_thresholds AS nthresh,
    c.ddays,
    c.dcert,
    d.version AS defver,
    d.category AS defcat,
    d.intended_use AS defuse,
    d.justification AS defjust,
    d.source AS defsrc,
    CASE WHEN d.verified THEN 'Y' ELSE 'N' END AS defvrfl
FROM compared AS c
JOIN study.adherence AS d ON d.definition = c.definition
JOIN core.subject AS p ON p.usubjid = c.usubjid
JOIN (
    SELECT e.usubjid, e.aperiod, e.is_over OR w.study_end IS NOT NULL AS over
    FROM engagement.period AS e
    JOIN core.programme AS w ON w.usubjid = e.usubjid
) AS r ON r.usubjid = c.usubjid AND r.aperiod = d.aperiod
