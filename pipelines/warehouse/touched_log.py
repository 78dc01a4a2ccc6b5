"""The events of the people whom a night's news of the log touches, looked up once for all the tables that read them.

Each of these would otherwise look through the whole log for them. They lie in a database in memory, which ends with the
build's.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

from pipelines.warehouse.database import in_mind

LOG = "core.usage"
MOST_EVENTS = 2_000_000  # some hundred megabytes
EVENTS, ACCOUNTS = "touched_log.main.event", "touched_log.main.account"
_FOUND = "the log of those touched"
_looking = Lock()


def usubjid_of(site: str, subject: str) -> str:
    """Events that name nobody are their site's."""
    return f"(SELECT study_id FROM study.setting) || '-' || {site} || '-' || coalesce({subject}, '')"  # noqa: S608


def events_apart(con: Any, people: str, share: float, file: Path) -> str | None:
    """The table of the events of those in the table `people`, such a share of everybody, and perhaps of others; None
    where some of them are not touched by the news of the log, or where they may have more events than memory is for."""
    others = f"SELECT usubjid FROM {people} EXCEPT SELECT usubjid FROM kept.touched WHERE name = ?"  # noqa: S608
    if con.execute(others, [LOG]).fetchone() is not None:
        return None
    with _looking:
        known = in_mind(file)
        if _FOUND not in known:
            known[_FOUND] = _look_up(con) if _n_events(con) * share <= MOST_EVENTS else None
        found: str | None = known[_FOUND]
    return found


def _n_events(con: Any) -> int:
    (n_rows,) = con.execute("SELECT n_rows FROM kept.made WHERE name = ?", [LOG]).fetchone()
    return int(n_rows)


def _look_up(con: Any) -> str:
    con.execute("ATTACH IF NOT EXISTS ':memory:' AS touched_log")
    con.execute(f"CREATE OR REPLACE TABLE {ACCOUNTS} (site_id VARCHAR, subject_id VARCHAR)")
    con.execute(
        f"INSERT INTO {ACCOUNTS} SELECT DISTINCT site_id, subject_id FROM kept.log_account "  # noqa: S608
        f"WHERE {usubjid_of('site_id', 'subject_id')} IN (SELECT usubjid FROM kept.touched WHERE name = ?)",
        [LOG],
    )
    events = LOG
    if con.execute(f"FROM {ACCOUNTS} WHERE subject_id IS NULL").fetchone() is None:
        # A condition on one column is asked while the file is read, before the others are.
        events = f"(FROM {LOG} WHERE subject_id IN (SELECT subject_id FROM {ACCOUNTS}))"  # noqa: S608
    con.execute(
        f"CREATE OR REPLACE TABLE {EVENTS} AS SELECT e.* FROM {events} AS e SEMI JOIN {ACCOUNTS} AS a "  # noqa: S608
        "ON a.site_id = e.site_id AND a.subject_id IS NOT DISTINCT FROM e.subject_id"
    )
    return EVENTS
