-- What is behind the numbers of the board's report: one row a number, site and unit (form, person, query, night).
--
-- A site's number is the sum of `x`, its denominator that of `n`: of a site indicator the bad events and what is
-- counted, of the flow's boxes and open queries both the count. The other columns tell, from one report to the next,
-- why a number moved: `first_on` (the day that the unit is about), `turns_on` (on that day it changes by the calendar
-- alone), `came_at` and `changed_at` (when its data first came, and were last corrected), `n_evidence` (answers, or
-- open queries, or files, behind it), `value` (what a median, a curve or an age is made of).
-- nights|<feed>|<state>: the nights of the arrival calendar, each in its state. came|<feed>: of the last 28 those on
-- which something was expected or came; counted, on which something was taken.
-- A new indicator is an entry in schemas/indicators/ and a SELECT in one of the three files that are joined here.
WITH unit AS (
    SELECT
        number, site_id, unit, usubjid, n, x, n_critical, first_on, turns_on, came_at, changed_at, n_evidence, value,
        n_items, n_unscored
    FROM quality.counted_form
    UNION ALL
    SELECT
        number, site_id, unit, usubjid, n, x, n_critical, first_on, turns_on, came_at, changed_at, n_evidence, value,
        0 AS n_items, 0 AS n_unscored
    FROM quality.counted_person
    UNION ALL
    SELECT
        number, site_id, unit, usubjid, n, x, n_critical, first_on, turns_on, came_at, changed_at, n_evidence, value,
        0 AS n_items, 0 AS n_unscored
    FROM quality.counted_query
    UNION ALL
    SELECT
        unnest([
            concat_ws('|', 'nights', n.feed, n.state), CASE WHEN n.night > s.as_of - 28 THEN 'came|' || n.feed END
        ]) AS number,
        n.site_id, n.feed || '|' || CAST(n.night AS VARCHAR) AS unit, NULL AS usubjid, 1 AS n,
        unnest([1, CASE WHEN n.state IN ('accepted', 'partial') THEN 1 ELSE 0 END]) AS x,
        0 AS n_critical, n.night AS first_on, unnest([n.night + 90, n.night + 28]) AS turns_on,
        NULL AS came_at, NULL AS changed_at, n.n_deliveries AS n_evidence, NULL AS value, 0 AS n_items, 0 AS n_unscored
    FROM quality.arrival_night AS n
    CROSS JOIN study.setting AS s
    WHERE n.state <> 'not_expected'
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
    CAST(u.n_evidence AS BIGINT) AS n_evidence,
    CAST(u.value AS BIGINT) AS value,
    CAST(u.n_items AS BIGINT) AS n_items,
    CAST(u.n_unscored AS BIGINT) AS n_unscored
FROM unit AS u
WHERE u.number IS NOT NULL
