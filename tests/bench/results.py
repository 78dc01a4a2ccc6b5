"""Sessions and participant-weeks as each way leaves them, and whether two of them are the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipelines.warehouse.quoting import literal

# Seconds are compared to the microsecond, to which ours are exact; theirs are sums of fractions.
COLUMNS = {
    "session": "subject_id, session_no, started_at, ended_at, n_events, round(duration_s, 6) AS duration_s, week_no",
    "participant_week": (
        "subject_id, week_no, n_sessions, round(active_minutes * 60, 5) AS active_s, n_logins, n_modules_opened, "
        "n_modules_completed, n_messages_to_therapist, n_messages_from_therapist"
    ),
}


def differences(con: Any, folder: Path, ours: str, tables: Iterable[str] = tuple(COLUMNS)) -> dict[str, int]:
    """How many rows only one of the two has, by table; `ours` is the schema that holds the pipeline's tables."""
    found = {}
    for table in tables:
        theirs, mine = (f"SELECT {COLUMNS[table]} FROM {of}" for of in (_theirs(con, folder, table), f"{ours}.{table}"))
        (n,) = con.execute(
            f"SELECT count(*) FROM (({theirs} EXCEPT ALL {mine}) UNION ALL ({mine} EXCEPT ALL {theirs}))"
        ).fetchone()
        found[table] = n
    return found


def _theirs(con: Any, folder: Path, table: str) -> str:
    """A competitor's table, in a database or as Parquet."""
    database = folder / "result.duckdb"
    if not database.exists():
        return f"read_parquet({literal(str(folder / f'{table}.parquet'))})"
    con.execute(f"ATTACH IF NOT EXISTS {literal(str(database))} AS result (READ_ONLY)")
    return f"result.{table}"
