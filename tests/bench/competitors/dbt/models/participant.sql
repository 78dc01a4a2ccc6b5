-- Everybody with the programme: one row a person, with the day on which it starts.
SELECT subject_id, randomised_on AS starts_on
FROM read_csv(
    '{{ env_var("SITE_FOLDER") }}/allocation/*.csv', header = true, auto_detect = false,
    columns = {'subject_id': 'VARCHAR', 'arm': 'VARCHAR', 'randomised_on': 'DATE', 'stratum': 'VARCHAR'}
)
WHERE arm = 'ICT'
