-- Profiles: one row a form and parameter whose answers stand side by side (EQ-5D-5L: 21111), where none of them is
-- missing. `value` is what the value set of the site's country gives the profile; NULL where there is none.
WITH complete AS (
    SELECT
        a.form_no, a.usubjid, i.paramcd,
        string_agg(CAST(a.answer AS VARCHAR), '' ORDER BY i.position) AS profile
    FROM outcome.answer AS a
    JOIN study.score_item AS i ON i.instrument = a.instrument AND i.item = a.item
    JOIN study.score AS s ON s.paramcd = i.paramcd
    WHERE s.method IN ('profile', 'value_set')
    GROUP BY a.form_no, a.usubjid, i.paramcd, s.n_items
    HAVING count(a.answer) = s.n_items
)
SELECT c.form_no, c.paramcd, c.profile, v.value
FROM complete AS c
JOIN core.subject AS p ON p.usubjid = c.usubjid
JOIN study.site AS site ON site.site_id = p.site_id
LEFT JOIN study.value_set AS v
    ON v.paramcd = c.paramcd AND v.country = site.country AND v.profile = c.profile
