-- Answers that were given: one row an item of a form that a person filled in. Empty cells are not answers;
-- NA (not applicable) is one. A form is what a person filled in at one time under one label.
SELECT
    dense_rank() OVER (ORDER BY q.usubjid, q.instrument, q.completed_on, q.completed_at, q.visit) AS form_no,
    q.usubjid,
    q.instrument,
    q.visit,
    q.completed_on,
    q.completed_at,
    q.item,
    q.value = 'NA' AS not_applicable,
    try_cast(q.value AS BIGINT) AS answer,
    d.sequence,
    q.row_no
FROM core.questionnaires AS q
JOIN core.subject AS p ON p.usubjid = q.usubjid
JOIN study.item AS i ON i.instrument = q.instrument AND i.item = q.item
JOIN input.delivery AS d ON d.delivery_id = q.delivery_id
WHERE q.value IS NOT NULL
