-- Contacts that therapists logged, by study week: one row a person, week and category with any contact. The category
-- is the kind of contact (unstated where the log names none). Minutes are summed exactly, in millionths, of the
-- contacts that state them; what is not logged is not imputed.
SELECT
    p.subject_no,
    CAST(floor(date_diff('day', w.starts_on, c.occurred_on) / 7.0) AS BIGINT) + 1 AS week_no,
    coalesce(c.kind, 'unstated') AS category,
    count(*) AS n_contacts,
    count(c.minutes) AS n_with_minutes,
    CAST(coalesce(sum(try_cast(c.minutes AS DECIMAL(30, 6))), 0) AS DOUBLE) AS therapist_minutes
FROM core.contacts AS c
JOIN core.subject AS p ON p.usubjid = c.usubjid
JOIN core.programme AS w ON w.subject_no = p.subject_no
WHERE c.occurred_on IS NOT NULL
GROUP BY 1, 2, 3
