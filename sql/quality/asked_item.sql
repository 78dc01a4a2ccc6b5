-- How many items a form asked: one row a form.
-- An item that was added to its instrument later is not asked, and so not missing, in a form of before;
-- one that was answered all the same counts.
SELECT
    f.form_no,
    greatest(count(*) FILTER (WHERE i.since IS NULL OR i.since <= f.completed_on), min(f.n_answered)) AS n_items
FROM outcome.form AS f
JOIN study.item AS i ON i.instrument = f.instrument
GROUP BY f.form_no
