-- When what was said of a person was last corrected, withdrawn or restored: one row a person, feed and (of
-- questionnaires) instrument. Tells corrections from other reasons why a number moved, so nothing of forms that only one
-- arm can have is in it.
SELECT
    c.usubjid,
    c.feed,
    CASE WHEN c.feed = 'questionnaires' THEN split_part(c.record_key, '|', 2) ELSE '' END AS instrument,
    max(c.recorded_at) AS changed_at
FROM quality.change AS c
CROSS JOIN study.setting AS s
LEFT JOIN study.visit AS v
    ON c.feed = 'questionnaires' AND upper(v.avisit) = upper(trim(split_part(c.record_key, '|', 3)))
WHERE
    c.feed IN ('participants', 'allocation')
    OR (
        c.feed = 'questionnaires'
        AND coalesce(v.shared_by_all_arms, TRUE)
        AND (
            upper(trim(split_part(c.record_key, '|', 3))) <> upper(trim(s.weekly_label))
            OR NOT EXISTS (SELECT 1 FROM study.arm AS a WHERE NOT a.programme_access)
        )
    )
GROUP BY c.usubjid, c.feed, CASE WHEN c.feed = 'questionnaires' THEN split_part(c.record_key, '|', 2) ELSE '' END
