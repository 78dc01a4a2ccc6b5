-- Forms due and received: one row a site, visit and instrument of the schedule, counted from quality.person_form.
WITH counted AS (
    SELECT
        p.site_id, f.avisit, f.instrument,
        count(*) AS n_expected,
        count(*) FILTER (WHERE f.received) AS n_received,
        count(*) FILTER (WHERE f.in_window) AS n_in_window,
        count(*) FILTER (WHERE f.overdue) AS n_overdue,
        sum(f.n_items) AS n_items,
        sum(f.n_answered) AS n_answered,
        count(*) FILTER (WHERE f.received AND NOT f.scored) AS n_unscoreable
    FROM quality.person_form AS f
    JOIN core.subject AS p ON p.usubjid = f.usubjid
    GROUP BY p.site_id, f.avisit, f.instrument
)
SELECT
    site.site_id,
    form.avisit,
    form.instrument,
    coalesce(c.n_expected, 0) AS n_expected,
    coalesce(c.n_received, 0) AS n_received,
    coalesce(c.n_in_window, 0) AS n_in_window,
    coalesce(c.n_overdue, 0) AS n_overdue,
    CAST(100 * (c.n_items - c.n_answered) AS DOUBLE) / nullif(c.n_items, 0) AS pct_items_missing,
    coalesce(c.n_unscoreable, 0) AS n_unscoreable,
    CAST(coalesce(c.n_items, 0) AS BIGINT) AS n_items,
    CAST(coalesce(c.n_items - c.n_answered, 0) AS BIGINT) AS n_items_missing
FROM study.site AS site
CROSS JOIN study.scheduled_form AS form
LEFT JOIN counted AS c
    ON c.site_id = site.site_id AND c.avisit = form.avisit AND c.instrument = form.instrument
