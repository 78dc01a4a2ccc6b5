-- Who returned what at each visit that all arms have: one row a site and visit, everybody in the trial in one state.
-- The states are those of quality.counted_form: received, else excused, not_yet, open, overdue.
WITH counted AS (
    SELECT
        site_id, split_part(number, '|', 2) AS avisit,
        count(*) AS n_randomised,
        count(*) FILTER (WHERE split_part(number, '|', 3) = 'not_yet') AS n_not_yet,
        count(*) FILTER (WHERE split_part(number, '|', 3) = 'open') AS n_open,
        count(*) FILTER (WHERE split_part(number, '|', 3) = 'received') AS n_received,
        count(*) FILTER (WHERE split_part(number, '|', 3) = 'overdue') AS n_overdue,
        count(*) FILTER (WHERE split_part(number, '|', 3) = 'excused') AS n_excused
    FROM quality.counted_unit
    WHERE starts_with(number, 'visit|')
    GROUP BY site_id, split_part(number, '|', 2)
)
SELECT
    site.site_id,
    v.avisit,
    v.avisitn,
    coalesce(c.n_randomised, 0) AS n_randomised,
    coalesce(c.n_not_yet, 0) AS n_not_yet,
    coalesce(c.n_open, 0) AS n_open,
    coalesce(c.n_received, 0) AS n_received,
    coalesce(c.n_overdue, 0) AS n_overdue,
    coalesce(c.n_excused, 0) AS n_excused,
    CAST(c.n_received AS DOUBLE) / nullif(c.n_received + c.n_overdue, 0) AS return_rate
FROM study.site AS site
JOIN study.visit AS v ON v.shared_by_all_arms
SEMI JOIN study.scheduled_form AS f ON f.avisit = v.avisit
LEFT JOIN counted AS c ON c.site_id = site.site_id AND c.avisit = v.avisit
