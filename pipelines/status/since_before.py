"""What the last snapshot changed against the one before it: verdicts that moved, queries, forms that are overdue."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.status import queries
from pipelines.status.asking import has_table, opened, rows
from pipelines.warehouse.published import snapshot_ids
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

Asked = dict[str, dict[Any, Any]]


def before_current(workspace: Workspace, database: Path) -> Path | None:
    """The same file of the snapshot before the current one; None where there is none."""
    earlier = [name for name in snapshot_ids(workspace) if name < database.parent.name]
    found = workspace.snapshots / earlier[-1] / database.name if earlier else None
    return found if found is not None and found.exists() else None


def since_before(con: duckdb.DuckDBPyConnection, before: Path | None) -> dict[str, Any] | None:
    """`checks` whose status is another one, and for each site how many `queries` were opened (or came back) and
    closed (or were answered), and how many `forms` were and are overdue. None without a snapshot that can be asked.
    """
    import duckdb

    if before is None:
        return None
    try:
        with opened(before) as earlier:
            was = _asked(earlier)
    except (duckdb.BinderException, duckdb.CatalogException):
        return None
    now = _asked(con)
    return {"checks": _moved(was, now), "queries": _turned(was, now), "forms": _overdue(was, now)}


def _asked(con: duckdb.DuckDBPyConnection) -> Asked:
    known = has_table(con, "quality", "data_query")
    return {
        "checks": {(r["check_name"], r["site_id"]): r for r in rows(con, queries.CHECK_STATUSES)},
        "queries": {r["query_id"]: r for r in rows(con, queries.QUERY_STATUSES)} if known else {},
        "forms": {r["site_id"]: r["n_overdue"] for r in rows(con, queries.FORMS_OVERDUE)},
    }


def _moved(was: Asked, now: Asked) -> list[dict[str, Any]]:
    """Verdicts that are not what they were; a check that is new has no former one."""
    return [
        {"check_name": name, "site_id": site_id, "was": was["checks"][name, site_id]["status"]} | _became(row)
        for (name, site_id), row in now["checks"].items()
        if (name, site_id) in was["checks"] and was["checks"][name, site_id]["status"] != row["status"]
    ]


def _became(row: dict[str, Any]) -> dict[str, Any]:
    return {"became": row["status"], "message": row["message"]}


def _turned(was: Asked, now: Asked) -> list[dict[str, Any]]:
    opened_at, closed_at = Counter[str](), Counter[str]()
    for query_id in was["queries"].keys() | now["queries"].keys():
        before, after = was["queries"].get(query_id), now["queries"].get(query_id)
        was_open, is_open = bool(before and before["is_open"]), bool(after and after["is_open"])
        site_id = (after or before or {})["site_id"]
        opened_at[site_id] += is_open and not was_open
        closed_at[site_id] += was_open and not is_open
    sites = sorted(site for site in opened_at | closed_at if opened_at[site] or closed_at[site])
    return [{"site_id": site, "n_opened": opened_at[site], "n_closed": closed_at[site]} for site in sites]


def _overdue(was: Asked, now: Asked) -> list[dict[str, Any]]:
    return [
        {"site_id": site, "n_before": was["forms"][site], "n_now": n}
        for site, n in now["forms"].items()
        if site in was["forms"] and was["forms"][site] != n
    ]
