-- The flow of participants (CONSORT 2025, item 22a), all sites and arms together: one row a box.
-- screened = excluded + pending + randomised; randomised = in_follow_up + completed + withdrawn + lost + died. A box
-- with a colon is a part of the box before it: by the first reason that the site gave, where the study file lists it.
WITH box AS (
    SELECT unnest([
        'screened', 'excluded', 'pending', 'randomised', 'in_follow_up', 'completed', 'withdrawn', 'lost', 'died'
    ]) AS box
),
counted AS (
    SELECT number AS box, CAST(sum(x) AS BIGINT) AS n
    FROM quality.counted_unit
    WHERE split_part(number, ': ', 1) IN (SELECT box FROM box)
    GROUP BY number
),
every_box AS (
    SELECT box FROM box
    UNION
    SELECT box FROM counted
)
SELECT
    e.box,
    row_number() OVER (
        ORDER BY list_position([
            'screened', 'excluded', 'pending', 'randomised', 'in_follow_up', 'completed', 'withdrawn', 'lost', 'died'
        ], split_part(e.box, ': ', 1)), contains(e.box, ': '), coalesce(c.n, 0) DESC, e.box
    ) AS position,
    CASE
        WHEN e.box = 'screened' THEN NULL
        WHEN contains(e.box, ': ') THEN split_part(e.box, ': ', 1)
        WHEN e.box IN ('excluded', 'pending', 'randomised') THEN 'screened'
        ELSE 'randomised'
    END AS parent,
    CASE
        WHEN contains(e.box, ': ') THEN lower(split_part(e.box, ': ', 2))
        WHEN e.box = 'randomised' AND NOT s.has_allocation THEN 'Enrolled'
        WHEN e.box = 'in_follow_up' THEN 'In follow-up'
        WHEN e.box = 'lost' THEN 'Lost to follow-up'
        ELSE upper(left(e.box, 1)) || substr(e.box, 2)
    END AS label,
    coalesce(c.n, 0) AS n
FROM every_box AS e
CROSS JOIN study.setting AS s
LEFT JOIN counted AS c ON c.box = e.box
