"""The least that any pipeline must do: read the log's CSV into DuckDB and sessionise it. `bare.py CSV DATABASE`."""

import sys

import duckdb

con = duckdb.connect(sys.argv[2])
con.execute("SET TimeZone = 'UTC'")
con.execute("SET enable_progress_bar = false")
con.execute(
    """
    CREATE TABLE usage AS SELECT * FROM read_csv($csv, header = true, auto_detect = false, delim = ',', quote = '"',
        columns = {'event_id': 'VARCHAR', 'subject_id': 'VARCHAR', 'occurred_at': 'TIMESTAMPTZ', 'actor': 'VARCHAR',
                   'event': 'VARCHAR', 'module': 'VARCHAR', 'duration_s': 'DOUBLE'})
    """,
    {"csv": sys.argv[1]},
)
con.execute(
    """
    CREATE TABLE session AS
    WITH spaced AS (
        SELECT subject_id, event_id, occurred_at, duration_s, lag(occurred_at) OVER ordered AS before
        FROM usage
        WHERE actor = 'participant'
        WINDOW ordered AS (PARTITION BY subject_id ORDER BY occurred_at, event_id)
    ),
    numbered AS (
        SELECT *, sum(CAST(before IS NULL OR occurred_at - before > INTERVAL 30 MINUTE AS INTEGER))
            OVER (PARTITION BY subject_id ORDER BY occurred_at, event_id ROWS UNBOUNDED PRECEDING) AS session_no
        FROM spaced
    )
    SELECT subject_id, session_no, min(occurred_at) AS started_at, max(occurred_at) AS ended_at, count(*) AS n_events
    FROM numbered
    GROUP BY subject_id, session_no
    """
)
print(con.execute("SELECT count(*) FROM session").fetchone()[0])  # noqa: T201
