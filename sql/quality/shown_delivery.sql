-- Deliveries that blinded readers may know of: one row a delivery.
--
-- Not those of a source marked revealing or arm, and none that holds forms of the programme: only those who
-- have it fill them in, so that how many rows a site sends would tell how many those are.
SELECT d.delivery_id
FROM input.delivery AS d
WHERE
    d.blinding IN ('safe', 'outcome')
    AND NOT EXISTS (
        SELECT 1
        FROM input.questionnaires AS q
        CROSS JOIN study.setting AS s
        WHERE q.delivery_id = d.delivery_id AND upper(trim(q.visit)) = upper(trim(s.weekly_label))
    )
