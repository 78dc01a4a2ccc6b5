-- The log as it was sent: one row an event.
SELECT *
FROM read_csv(
    '{{ env_var("SITE_FOLDER") }}/usage/*.csv', header = true, auto_detect = false, delim = ',', quote = '"',
    columns = {
        'event_id': 'VARCHAR', 'subject_id': 'VARCHAR', 'occurred_at': 'TIMESTAMPTZ', 'actor': 'VARCHAR',
        'event': 'VARCHAR', 'module': 'VARCHAR', 'duration_s': 'DOUBLE'
    }
)
