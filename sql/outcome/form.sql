-- Forms that were filled in: one row a form with at least one answer, with its study day.
--
-- Study day (CDISC): the reference date is day 1, the day before it day -1; there is no day 0.
-- Forms are ordered by time; where a site gives only a date, by that day's beginning at the site.
WITH form AS (
    SELECT
        form_no, usubjid, instrument, visit, completed_on, completed_at,
        count(DISTINCT item) AS n_answered,
        min(sequence) AS sequence,
        min(row_no) AS row_no
    FROM outcome.answer
    GROUP BY form_no, usubjid, instrument, visit, completed_on, completed_at
)
SELECT
    f.form_no,
    f.usubjid,
    f.instrument,
    f.visit,
    CASE WHEN upper(trim(f.visit)) = upper(trim(s.weekly_label)) THEN 'weekly' ELSE 'visit' END AS source,
    f.completed_on,
    f.completed_at,
    coalesce(f.completed_at, timezone(site.timezone, CAST(f.completed_on AS TIMESTAMP))) AS ordered_by,
    f.completed_on - p.reference_on
        + CASE WHEN f.completed_on >= p.reference_on THEN 1 ELSE 0 END AS study_day,
    f.n_answered,
    f.sequence,
    f.row_no
FROM form AS f
JOIN core.subject AS p ON p.usubjid = f.usubjid
JOIN study.site AS site ON site.site_id = p.site_id
CROSS JOIN study.setting AS s
