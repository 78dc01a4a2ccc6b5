"""Sessions and participant-weeks as each way leaves them, and whether two of them are the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.warehouse.quoting import literal

COUNTED = (
    *("n_sessions", "n_logins", "n_modules_opened", "n_modules_completed", "n_messages_to_therapist"),
    "n_messages_from_therapist",
)
# Seconds are compared to the microsecond, to which ours are exact; theirs are sums of fractions. Of a week in which
# a whole site fell silent only the pipeline says that nobody knows (NULL): it counts as the zero of the others.
COLUMNS = {
    "session": "subject_id, session_no, started_at, ended_at, n_events, round(duration_s, 6) AS duration_s, week_no",
    "participant_week": ", ".join(
        [
            "subject_id, week_no, round(coalesce(active_minutes, 0) * 60, 5) AS active_s",
            *(f"coalesce({name}, 0) AS {name}" for name in COUNTED),
        ]
    ),
}


def differences(con: Any, folder: Path, ours: str, tables: Iterable[str] = tuple(COLUMNS)) -> dict[str, int]:
    """How many rows only one of the two has, by table; `ours` is the schema that holds the pipeline's tables."""
    with _opened(con, folder) as theirs:
        return {table: _differences(con, COLUMNS[table], theirs[table], f"{ours}.{table}") for table in tables}


def _differences(con: Any, columns: str, theirs: str, ours: str) -> int:
    left, right = (f"SELECT {columns} FROM {table}" for table in (theirs, ours))
    sql = f"SELECT count(*) FROM (({left} EXCEPT ALL {right}) UNION ALL ({right} EXCEPT ALL {left}))"
    (n,) = con.execute(sql).fetchone()
    return int(n)


@contextmanager
def _opened(con: Any, folder: Path) -> Iterator[dict[str, str]]:
    """What to read a competitor's tables from, which are in a database or Parquet."""
    database = folder / "result.duckdb"
    if not database.exists():
        yield {table: f"read_parquet({literal(str(folder / f'{table}.parquet'))})" for table in COLUMNS}
        return
    con.execute(f"ATTACH {literal(str(database))} AS result (READ_ONLY)")
    try:
        yield {table: f"result.{table}" for table in COLUMNS}
    finally:
        con.execute("DETACH result")
