"""A trial whose log is large: participants, their allocation and one usage file, in the house format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

PEOPLE = 2000
START = "2025-01-06"  # long past, so that no clock calls an event one of the future
AS_OF = "2025-06-01"

PARTICIPANTS = f"""
    SELECT
        printf('S%04d', i) AS subject_id, '' AS centre, 'en' AS language, DATE '{START}' - 7 AS consent_date,
        1960 + i % 40 AS birth_year, ['F', 'M'][1 + i % 2] AS sex, 'randomised' AS status,
        DATE '{START}' AS status_date, '' AS status_reason
    FROM range(CAST(getvariable('people') AS BIGINT)) AS people(i)
"""
ALLOCATION = f"""
    SELECT printf('S%04d', i) AS subject_id, 'ICT' AS arm, DATE '{START}' AS randomised_on, '' AS stratum
    FROM range(CAST(getvariable('people') AS BIGINT)) AS people(i)
"""
# Forty events in a row are one person's, three seconds apart; the person returns again and again within
# 104 days. A fifth of the events each are the therapist's and the system's, and a quarter say how long they lasted.
USAGE = f"""
    SELECT
        printf('%d', i) AS event_id,
        printf('S%04d', (i // 40 * 7919) % CAST(getvariable('people') AS BIGINT)) AS subject_id,
        strftime(TIMESTAMP '{START}' + to_seconds((i * 3) % 9000000), '%Y-%m-%dT%H:%M:%SZ') AS occurred_at,
        ['participant', 'participant', 'participant', 'therapist', 'system'][1 + i % 5] AS actor,
        ['login', 'page_view', 'page_view', 'module_opened', 'message_sent'][1 + i // 3 % 5] AS event,
        CASE WHEN i // 3 % 5 IN (1, 2, 3) THEN printf('core_%02d', 1 + i % 8) END AS module,
        CASE WHEN i % 4 = 0 THEN i % 300 END AS duration_s
    FROM range(CAST(getvariable('first') AS BIGINT), CAST(getvariable('beyond') AS BIGINT)) AS log(i)
"""


def write_log_trial(site_folder: Path, events: int, people: int = PEOPLE) -> Path:
    """Fill a site's landing folder; returns the usage file."""
    con = _generator(first=0, beyond=events, people=people)
    for feed, sql in (("participants", PARTICIPANTS), ("allocation", ALLOCATION), ("usage", USAGE)):
        (site_folder / feed).mkdir(parents=True, exist_ok=True)
        con.execute(f"COPY ({sql}) TO '{site_folder / feed / f'{feed}.csv'}' (HEADER)")
    con.close()
    return site_folder / "usage" / "usage.csv"


def write_next_log(target: Path, events: int, first: int, one_in: int) -> None:
    """The events that a later night brings, numbered from `first` on, of one in so many people."""
    con = _generator(first=first, beyond=first + events, people=PEOPLE // one_in)
    con.execute(f"COPY ({USAGE}) TO '{target}' (HEADER)")
    con.close()


def _generator(**variables: int) -> Any:
    import duckdb

    con = duckdb.connect()
    con.execute("SET enable_progress_bar = false")
    for name, value in variables.items():
        con.execute(f"SET VARIABLE {name} = {value}")
    return con


def write_faulty_log(log: Path, faulty: Path) -> Path:
    """The same log with what real ones hold: in each hundred events one with a code or a time that is none, in each
    thousand one that stands there twice."""
    return _rewritten(
        log,
        faulty,
        """
        SELECT event_id, subject_id, CASE WHEN n % 200 = 7 THEN 'yesterday' ELSE occurred_at END AS occurred_at,
               CASE WHEN n % 200 = 107 THEN 'nobody' ELSE actor END AS actor, event, module, duration_s
        FROM log, range(CASE WHEN n % 1000 = 3 THEN 2 ELSE 1 END)
        """,
    )


def write_unruly_log(log: Path, unruly: Path) -> Path:
    """The same log in no order, three of ten events standing there twice, and half of them by a clock of another
    zone: the same moments with an offset in place of `Z`."""
    return _rewritten(
        log,
        unruly,
        """
        SELECT event_id, subject_id,
               CASE WHEN (n + copy) % 2 = 0 THEN occurred_at ELSE strftime(
                   strptime(occurred_at, '%Y-%m-%dT%H:%M:%SZ') + INTERVAL 9 HOUR, '%Y-%m-%dT%H:%M:%S+09:00'
               ) END AS occurred_at,
               actor, event, module, duration_s
        FROM log, range(CASE WHEN n % 10 < 3 THEN 2 ELSE 1 END) AS copies(copy)
        ORDER BY hash(n, copy)
        """,
    )


def write_busy_log(log: Path, busy: Path, events: int) -> Path:
    """The same log, to which one participant adds so many events in a single day."""
    return _rewritten(
        log,
        busy,
        f"""
        SELECT * EXCLUDE n FROM log
        UNION ALL
        SELECT printf('busy-%d', i), 'S0001', strftime(
            TIMESTAMP '2025-02-03' + to_seconds(i * 86400 // {events}), '%Y-%m-%dT%H:%M:%SZ'
        ), 'participant', 'page_view', 'core_01', NULL
        FROM range({events}) AS more(i)
        """,
    )


def _rewritten(log: Path, target: Path, select: str) -> Path:
    """A log made of another, whose events `select` reads from `log`, numbered by `n`."""
    con = _generator()
    numbered = f"SELECT row_number() OVER () AS n, * FROM read_csv('{log}', header = true, all_varchar = true)"
    con.execute(f"COPY (WITH log AS ({numbered}) {select}) TO '{target}' (HEADER)")
    con.close()
    return target
