"""The least that reading and checking a log can be: DuckDB alone, all checks of the contract in SQL, the good rows in
Parquet. `bare_check.py CSV PARQUET`."""

import sys

import duckdb

ACTORS = ["participant", "therapist", "system"]
EVENTS = [
    *("login", "logout", "page_view", "module_released", "module_opened", "module_completed", "exercise_saved"),
    *("questionnaire_started", "questionnaire_completed", "message_sent", "message_read", "video_played"),
    *("video_call_joined", "reminder_sent"),
]

con = duckdb.connect()
con.execute("SET TimeZone = 'UTC'")
con.execute("SET enable_progress_bar = false")
con.execute(
    """
    CREATE TABLE log AS
    SELECT row_number() OVER () AS row_no, *, TRY_CAST(occurred_at AS TIMESTAMPTZ) AS instant,
           TRY_CAST(duration_s AS DOUBLE) AS seconds
    FROM read_csv($csv, header = true, auto_detect = false, delim = ',', quote = '"', columns = {
        'event_id': 'VARCHAR', 'subject_id': 'VARCHAR', 'occurred_at': 'VARCHAR', 'actor': 'VARCHAR',
        'event': 'VARCHAR', 'module': 'VARCHAR', 'duration_s': 'VARCHAR'})
    """,
    {"csv": sys.argv[1]},
)
con.execute(
    f"""
    CREATE VIEW judged AS
    SELECT *, CASE
        WHEN event_id IS NULL OR NOT regexp_full_match(event_id, '[A-Za-z0-9][A-Za-z0-9_.:/-]{{0,63}}') THEN 'event_id'
        WHEN NOT regexp_full_match(subject_id, '[A-Za-z0-9][A-Za-z0-9_.:/-]{{0,63}}') THEN 'subject_id'
        WHEN instant IS NULL AND occurred_at IS NOT NULL OR instant > now() THEN 'occurred_at'
        WHEN actor NOT IN {tuple(ACTORS)} THEN 'actor'
        WHEN event NOT IN {tuple(EVENTS)} THEN 'event'
        WHEN seconds IS NULL AND duration_s IS NOT NULL OR seconds < 0 THEN 'duration_s' END AS refused
    FROM log
    """
)
twice = con.execute("SELECT count(*) - count(DISTINCT event_id) FROM log").fetchone()[0]
con.execute(
    f"""
    COPY (
        SELECT row_no, event_id, subject_id, instant AS occurred_at, actor, event, module, seconds AS duration_s
        FROM judged WHERE refused IS NULL
    ) TO '{sys.argv[2]}' (FORMAT parquet, COMPRESSION zstd)
    """
)
refused = con.execute("SELECT refused, count(*) FROM judged WHERE refused IS NOT NULL GROUP BY ALL").fetchall()
print(twice, refused)  # noqa: T201
