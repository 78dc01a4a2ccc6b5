"""Where the trial stands, for the data manager: what came in, what was refused and why, what is still owed.

Reads the published unblinded snapshot and the records of the nights; counts, names of files and rules only,
never a participant's value. It may name what would reveal arms, so it is not for blinded eyes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.night import WHOLE, Night, nights, overdue_night
from pipelines.quality.audit_ledger import judge_present
from pipelines.status import queries
from pipelines.status.needs import needs_of
from pipelines.status.sites import site_lines
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

Rows = list[dict[str, Any]]


def status(workspace: Workspace, now: datetime | None = None) -> dict[str, Any]:
    """The state of a workspace, ready for JSON: dates and times as ISO text, missing as None.

    `needs` is what waits for a person, the most urgent first, and `sites` says for each site what there is of what.
    Before anything was published `snapshot` is None and the lists are empty; `data_queries` is None
    where the snapshot knows no queries. `note` says why a snapshot cannot be read.
    """
    records = nights(workspace)
    recent = _since_the_last_night(records)
    state: dict[str, Any] = {
        "workspace": str(workspace.root),
        "last_run": _last_run(records),
        "snapshot": None,
        "note": None,
        "received": [],
        "received_not_published": sorted({i for night in recent for i in night.received}),
        "quarantine": [],
        "refused": [],
        "waiting": _waiting(recent),
        "not_taken": dict(records[-1].not_taken) if records else {},
        "overdue_deliveries": [],
        "overdue_visits": [],
        "overdue": [],
        "drift": [],
        "checks": [],
        "check_counts": {},
        "data_queries": None,
        "alerts": [],
        "audit": None,
        "site_ids": [],
    }
    database = workspace.published / "current-unblinded.duckdb"
    if database.exists():
        state |= _from_snapshot(workspace, database, state["received_not_published"])
    state["sites"] = site_lines(state.pop("site_ids"), state)
    state["night_late"] = overdue_night(records, now or datetime.now(UTC))
    needs = needs_of(state)
    return {"must_act": bool(needs), "needs": [asdict(need) for need in needs]} | state


def _from_snapshot(workspace: Workspace, database: Path, received: Sequence[str]) -> dict[str, Any]:
    import duckdb

    try:
        with _opened(database) as con:
            return _published(con, received) | {"audit": _audit(workspace, con)}
    except (duckdb.BinderException, duckdb.CatalogException):
        return {
            "note": "The snapshot is of another version of the program; the next night brings what is missing here."
        }


def _last_run(records: Sequence[Night]) -> dict[str, Any] | None:
    if not records:
        return None
    last = records[-1]
    names = ("run_id", "started_at", "finished_at", "as_of", "outcome", "snapshot_id", "messages")
    return {name: getattr(last, name) for name in names}


def _since_the_last_night(records: Sequence[Night]) -> list[Night]:
    """The last whole night, what was taken in between it and the one before, and what came after it."""
    whole = [i for i, night in enumerate(records) if night.outcome in WHOLE]
    return list(records[whole[-2] + 1 if len(whole) > 1 else 0 :])


def _waiting(recent: Sequence[Night]) -> dict[str, str]:
    """Files that do not count yet, as each site was last looked at."""
    latest = {site: night for night in recent for site in night.sites}
    return {
        path: why
        for site, night in sorted(latest.items())
        for path, why in night.waiting.items()
        if path.split("/")[0] == site
    }


@contextmanager
def _opened(database: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The snapshot that is current now, read-only; a later switch does not touch it."""
    import duckdb

    con = duckdb.connect(str(database.resolve()), read_only=True)
    try:
        con.execute("SET TimeZone = 'UTC'")
        yield con
    finally:
        con.close()


def _published(con: duckdb.DuckDBPyConnection, received: Sequence[str]) -> dict[str, Any]:
    known = {row[0] for row in con.execute("SELECT delivery_id FROM quality.delivery").fetchall()}
    snapshot = _rows(con, "SELECT * FROM meta.snapshot")
    return {
        "snapshot": snapshot[0] if snapshot else None,
        "received": _rows(con, queries.RECEIVED, {"received": list(received)}),
        "received_not_published": sorted(set(received) - known),
        "quarantine": _rows(con, queries.QUARANTINE),
        "refused": _rows(con, queries.REFUSED),
        "overdue_deliveries": _rows(con, queries.OVERDUE_DELIVERIES),
        "overdue_visits": _rows(con, queries.OVERDUE_VISITS),
        "overdue": _rows(con, queries.OVERDUE),
        "drift": _rows(con, queries.DRIFT),
        "checks": _rows(con, queries.CHECKS),
        "check_counts": dict(
            con.execute("SELECT status, count(*) FROM quality.check_result GROUP BY ALL ORDER BY ALL").fetchall()
        ),
        "site_ids": [row[0] for row in con.execute(queries.SITES).fetchall()],
        "alerts": _rows(con, queries.ALERTS) if _has_table(con, "safety", "alert") else [],
        "data_queries": _rows(con, queries.OPEN_QUERIES) if _has_table(con, "quality", "data_query") else None,
    }


def _audit(workspace: Workspace, con: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """Whether every earlier night's audit trail is the beginning of the present one; None where there is none."""
    return asdict(judge_present(workspace, con)) if _has_table(con, "quality", "audit_trail") else None


def _has_table(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = con.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_schema = $schema AND table_name = $table",
        {"schema": schema, "table": table},
    ).fetchone()
    return bool(found and found[0])


def _rows(con: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
    cursor = con.execute(sql, dict(parameters)) if parameters else con.execute(sql)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, map(_plain, row), strict=True)) for row in cursor.fetchall()]


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
