"""A trial whose log is large: participants, their allocation and one usage file, in the house format."""

from __future__ import annotations

from pathlib import Path

PEOPLE = 2000
START = "2025-01-06"  # long past, so that no clock calls an event one of the future
AS_OF = "2025-06-01"

PARTICIPANTS = f"""
    SELECT
        printf('S%04d', i) AS subject_id, '' AS centre, 'en' AS language, DATE '{START}' - 7 AS consent_date,
        1960 + i % 40 AS birth_year, ['F', 'M'][1 + i % 2] AS sex, 'randomised' AS status,
        DATE '{START}' AS status_date, '' AS status_reason
    FROM range({PEOPLE}) AS people(i)
"""
ALLOCATION = f"""
    SELECT printf('S%04d', i) AS subject_id, 'ICT' AS arm, DATE '{START}' AS randomised_on, '' AS stratum
    FROM range({PEOPLE}) AS people(i)
"""
# Forty events in a row are one person's, three seconds apart; the person returns again and again within
# 104 days. A fifth of the events each are the therapist's and the system's, and a quarter say how long they lasted.
USAGE = f"""
    SELECT
        printf('%d', i) AS event_id,
        printf('S%04d', (i // 40 * 7919) % {PEOPLE}) AS subject_id,
        strftime(TIMESTAMP '{START}' + to_seconds((i * 3) % 9000000), '%Y-%m-%dT%H:%M:%SZ') AS occurred_at,
        ['participant', 'participant', 'participant', 'therapist', 'system'][1 + i % 5] AS actor,
        ['login', 'page_view', 'page_view', 'module_opened', 'message_sent'][1 + i // 3 % 5] AS event,
        CASE WHEN i // 3 % 5 IN (1, 2, 3) THEN printf('core_%02d', 1 + i % 8) END AS module,
        CASE WHEN i % 4 = 0 THEN i % 300 END AS duration_s
    FROM range(CAST(getvariable('events') AS BIGINT)) AS log(i)
"""


def write_log_trial(site_folder: Path, events: int) -> Path:
    """Fill a site's landing folder; returns the usage file."""
    import duckdb

    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute("SET VARIABLE events = $events", {"events": events})
    for feed, sql in (("participants", PARTICIPANTS), ("allocation", ALLOCATION), ("usage", USAGE)):
        (site_folder / feed).mkdir(parents=True, exist_ok=True)
        con.execute(f"COPY ({sql}) TO '{site_folder / feed / f'{feed}.csv'}' (HEADER)")
    con.close()
    return site_folder / "usage" / "usage.csv"


def write_faulty_log(log: Path, faulty: Path) -> Path:
    """The same log with what real ones hold: in each hundred events one with a code or a time that is none, in each
    thousand one that stands there twice."""
    import duckdb

    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    con.execute(
        f"""
        COPY (
            WITH log AS (
                SELECT row_number() OVER () AS n, * FROM read_csv('{log}', header = true, all_varchar = true)
            )
            SELECT event_id, subject_id, CASE WHEN n % 200 = 7 THEN 'yesterday' ELSE occurred_at END AS occurred_at,
                   CASE WHEN n % 200 = 107 THEN 'nobody' ELSE actor END AS actor, event, module, duration_s
            FROM log, range(CASE WHEN n % 1000 = 3 THEN 2 ELSE 1 END)
        ) TO '{faulty}' (HEADER)
        """
    )
    con.close()
    return faulty
