"""Where the trial stands, for the data manager: what came in, what was refused and why, what is still owed.

Reads the published unblinded snapshot and the records of the nights; counts, names of files and rules only,
never a participant's value. It may name what would reveal arms, so it is not for blinded eyes.

For those it can be asked of the blinded snapshot: then it says only what is marked safe there and how the nights
went. Names of files, reasons in words and what lies in landing/ are left out, because any file may be of a source
that only one arm has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.night import WHOLE, Night, nights, overdue_night
from pipelines.quality.audit_ledger import judge_present
from pipelines.status import queries
from pipelines.status.asking import has_table, opened, rows
from pipelines.status.needs import needs_of
from pipelines.status.since_before import before_current, since_before
from pipelines.status.sites import site_lines
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

Rows = list[dict[str, Any]]
SHOWN_NIGHTS = 28


def status(workspace: Workspace, now: datetime | None = None, blinded: bool = False) -> dict[str, Any]:
    """The state of a workspace, ready for JSON: dates and times as ISO text, missing as None.

    `needs` is what waits for a person, the most urgent first, and `sites` says for each site what there is of what.
    Before anything was published `snapshot` is None and the lists are empty; `data_queries` is None
    where the snapshot knows no queries. `note` says why a snapshot cannot be read. `nights` are the last whole
    nights, `since_before` is what the last snapshot changed.
    """
    records = nights(workspace)
    recent = _since_the_last_night(records)
    state: dict[str, Any] = {
        "workspace": str(workspace.root),
        "blinded": blinded,
        "last_run": _last_run(records),
        "nights": _whole_nights(records),
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
        "rows_by_night": [],
        "since_before": None,
        "audit": None,
        "site_ids": [],
    }
    database = workspace.published / ("current.duckdb" if blinded else "current-unblinded.duckdb")
    if database.exists():
        state |= _from_snapshot(workspace, database, state["received_not_published"], blinded)
    if blinded:
        state |= _kept_back(state)
    state["sites"] = site_lines(state.pop("site_ids"), state)
    state["night_late"] = overdue_night(records, now or datetime.now(UTC))
    needs = needs_of(state)
    return {"must_act": bool(needs), "needs": [asdict(need) for need in needs]} | state


def _from_snapshot(workspace: Workspace, database: Path, received: Sequence[str], blinded: bool) -> dict[str, Any]:
    import duckdb

    try:
        with opened(database) as con:
            found = _published(con, received, blinded)
            found["since_before"] = since_before(con, before_current(workspace, database.resolve()))
            return found | {"audit": None if blinded else _audit(workspace, con)}
    except (duckdb.BinderException, duckdb.CatalogException):
        return {
            "note": "The snapshot is of another version of the program; the next night brings what is missing here."
        }
    except (duckdb.IOException, duckdb.SerializationException):
        return {"note": "The snapshot cannot be read; `ict-trial verify` says what of it is damaged."}


def _kept_back(state: Mapping[str, Any]) -> dict[str, Any]:
    """What the records of the nights know and blinded eyes may not."""
    run = state["last_run"]
    return {
        "last_run": run and run | {"messages": []},
        "received_not_published": [],
        "waiting": {},
        "not_taken": {},
    }


def _whole_nights(records: Sequence[Night]) -> Rows:
    """When the last whole nights began, and what came of them; one that runs is none yet."""
    whole = [night for night in records if night.outcome in WHOLE]
    return [{"started_at": night.started_at, "outcome": night.outcome} for night in whole[-SHOWN_NIGHTS:]]


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


def _published(con: duckdb.DuckDBPyConnection, received: Sequence[str], blinded: bool) -> dict[str, Any]:
    known = {row[0] for row in con.execute("SELECT delivery_id FROM quality.delivery").fetchall()}
    snapshot = rows(con, "SELECT * FROM meta.snapshot")
    return {
        "snapshot": snapshot[0] if snapshot else None,
        "received": rows(con, queries.RECEIVED, {"received": list(received)}),
        "received_not_published": sorted(set(received) - known),
        "quarantine": rows(con, queries.QUARANTINE),
        "refused": rows(con, queries.REFUSED_BLINDED if blinded else queries.REFUSED),
        "overdue_deliveries": rows(con, queries.OVERDUE_DELIVERIES),
        "overdue_visits": rows(con, queries.OVERDUE_VISITS),
        "overdue": rows(con, queries.OVERDUE_BLINDED if blinded else queries.OVERDUE),
        "drift": rows(con, queries.DRIFT_BLINDED if blinded else queries.DRIFT),
        "checks": rows(con, queries.CHECKS),
        "check_counts": dict(
            con.execute("SELECT status, count(*) FROM quality.check_result GROUP BY ALL ORDER BY ALL").fetchall()
        ),
        "rows_by_night": rows(con, queries.ROWS_BY_NIGHT, {"last": snapshot[0]["built_at"]}) if snapshot else [],
        "site_ids": [row[0] for row in con.execute(queries.SITES).fetchall()],
        "alerts": rows(con, queries.ALERTS) if has_table(con, "safety", "alert") else [],
        "data_queries": rows(con, queries.OPEN_QUERIES) if has_table(con, "quality", "data_query") else None,
    }


def _audit(workspace: Workspace, con: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    """Whether every earlier night's audit trail is the beginning of the present one; None where there is none."""
    return asdict(judge_present(workspace, con)) if has_table(con, "quality", "audit_trail") else None
