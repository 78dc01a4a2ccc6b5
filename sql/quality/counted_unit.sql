-- What is behind the numbers of the board's report: one row a number, site and unit (form, person, query).
--
-- A site's number is the sum of `x`, its denominator that of `n`: of a site indicator the bad events and what is
-- counted, of the flow's boxes and open queries both the count. The other columns tell, from one report to the next,
-- why a number moved: `first_on` (the day that the unit is about), `turns_on` (on that day it changes by the calendar
-- alone), `came_at` and `changed_at` (when its data first came, and were last corrected), `n_evidence` (answers, or
-- open queries, behind it).
-- A new indicator is an entry in schemas/indicators/ and a SELECT in one of the three files that are joined here.
WITH unit AS (
    SELECT * FROM quality.counted_form
    UNION ALL BY NAME
    SELECT * FROM quality.counted_person
    UNION ALL BY NAME
    SELECT * FROM quality.counted_query
)
SELECT
    u.number,
    u.site_id,
    u.unit,
    u.usubjid,
    CAST(u.n AS BIGINT) AS n,
    CAST(u.x AS BIGINT) AS x,
    CAST(u.n_critical AS BIGINT) AS n_critical,
    u.first_on,
    u.turns_on,
    u.came_at,
    u.changed_at,
    CAST(u.n_evidence AS BIGINT) AS n_evidence
FROM unit AS u
WHERE u.number IS NOT NULL
