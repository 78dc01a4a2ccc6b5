-- Staff and test accounts among the people of the trial: one row a person whose number the study file declares as one,
-- in full or by how it begins.
SELECT DISTINCT p.subject_no
FROM core.subject AS p
JOIN study.test_account AS t
    ON p.subject_id = t.begins OR (NOT t.is_whole AND substr(p.subject_id, 1, length(t.begins)) = t.begins)
