-- The bad events of the site indicators: one row an indicator, site and form, person or query. quality.kri counts them.
SELECT
    u.number AS kri,
    u.site_id,
    u.unit,
    u.usubjid,
    u.x,
    u.first_on
FROM quality.counted_unit AS u
SEMI JOIN study.indicator AS i ON i.kri = u.number
WHERE u.x > 0
