"""Questions to a published snapshot: read-only, closed to everything else, answered as rows or as bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.warehouse.errors import reason
from pipelines.warehouse.published import BLINDED, UNBLINDED, current_snapshot, snapshot_ids
from pipelines.warehouse.render import Answer, render
from pipelines.workspace import Workspace

# Of DuckDB's kinds of statement. MULTI is a PIVOT; what a PRAGMA or CALL may do, the connection's settings limit.
_ASKING = ("SELECT", "EXPLAIN", "PRAGMA", "CALL", "MULTI")

__all__ = ["Answer", "QueryError", "query", "render"]


class QueryError(Exception):
    """The question cannot be answered; one sentence says why."""


def query(workspace: Workspace, sql: str, unblinded: bool = False, snapshot: str | None = None) -> Answer:
    """Run `sql` on a snapshot (default: the current one) in UTC. Raises QueryError."""
    import duckdb

    path = workspace.snapshots / chosen_snapshot(workspace, snapshot) / (UNBLINDED if unblinded else BLINDED)
    try:
        con = _open(path)
    except duckdb.Error as error:
        raise QueryError(f"{path.name} of snapshot {path.parent.name} cannot be opened: {reason(error)}") from None
    try:
        _require_one_question(con, sql)
        rows = con.execute(sql).fetchall()
        described = con.description or []
    except duckdb.Error as error:
        raise QueryError(_sentence(error)) from None
    finally:
        con.close()
    return Answer(_unique([str(d[0]) for d in described]), [str(d[1]) for d in described], rows)


def _require_one_question(con: Any, sql: str) -> None:
    """Raises QueryError for no statement, for several, and for one that does more than ask."""
    kinds = [str(statement.type).rpartition(".")[2] for statement in con.extract_statements(sql)]
    if not kinds:
        raise QueryError("there is no question; ask one in SQL, such as: FROM meta.snapshot")
    if len(kinds) > 1:
        raise QueryError(f"these are {len(kinds)} statements, of which only one could be shown; ask one at a time")
    if kinds[0] not in _ASKING:
        raise QueryError("a snapshot is read-only: it answers SELECT and the like, and carries out nothing else")


def chosen_snapshot(workspace: Workspace, snapshot: str | None) -> str:
    """The snapshot of this id, or the current one. Raises QueryError where there is none."""
    chosen = snapshot or current_snapshot(workspace)
    if chosen is None:
        raise QueryError("nothing has been published yet; run `ict-trial nightly` first")
    if chosen not in snapshot_ids(workspace):
        raise QueryError(f"there is no snapshot {chosen}; `ict-trial snapshots` lists them")
    return chosen


def _open(path: Path) -> Any:
    import duckdb

    from pipelines.warehouse.database import CLOSED

    # Spilling needs a place to write, and there is none; other files are out of reach, and it stays so.
    settings = CLOSED | {"enable_external_access": "false", "temp_directory": ""}
    con = duckdb.connect(str(path), read_only=True, config=dict(settings))
    con.execute("SET TimeZone = 'UTC'")
    con.execute("SET lock_configuration = true")
    return con


def _sentence(error: Exception) -> str:
    said = reason(error)
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _unique(names: list[str]) -> list[str]:
    """Column names, a repeated one numbered: a, a_1."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        number = seen.get(name, 0)
        seen[name] = number + 1
        unique.append(f"{name}_{number}" if number else name)
    return unique
