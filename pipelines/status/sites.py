"""One line a site: how much of what there is, for the eye that runs down a column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WORST_FIRST = ("BROKEN", "NO_DATA", "ACTION", "WATCH", "TOO_FEW", "NOT_APPLICABLE", "OK")
Row = Mapping[str, Any]


def site_lines(site_ids: Sequence[str], state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """For every site the counts of what came in last night, what is refused, set aside, owed, asked and changed, and
    its worst check."""
    return [_line(site_id, state) for site_id in site_ids]


def _line(site_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
    received = _of(state["received"], site_id)
    refused = _of(state["refused"], site_id)
    queries = _of(state["data_queries"] or (), site_id)
    owed = next(iter(_of(state["overdue"], site_id)), {})
    worst, n_worst = _worst(_of(state["checks"], site_id))
    return {
        "site_id": site_id,
        "n_files": _sum(received, "n_files"),
        "n_rows": _sum(received, "n_rows"),
        "n_refused": len(refused),
        "n_held": sum(row["status"] == "held" for row in refused),
        "n_set_aside": _sum(_of(state["quarantine"], site_id), "n_rows"),
        "n_late_deliveries": owed.get("n_deliveries", 0),
        "n_overdue_forms": owed.get("n_visit_forms", 0),
        "n_overdue_weekly": owed.get("n_weekly_forms", 0),
        "n_alerts": _sum(_of(state["alerts"], site_id), "n_waiting"),
        "n_queries": _sum(queries, "n_open"),
        "n_critical_queries": _sum([row for row in queries if row["severity"] == "critical"], "n_open"),
        "oldest_query_days": max((row["oldest_days"] for row in queries), default=None),
        "n_changes": len(_of(state["drift"], site_id)),
        "worst_check": worst,
        "n_worst_checks": n_worst,
    }


def _of(rows: Iterable[Row], site_id: str) -> list[Row]:
    return [row for row in rows if row["site_id"] == site_id]


def _sum(rows: Iterable[Row], name: str) -> int:
    return sum(row[name] for row in rows)


def _worst(checks: Sequence[Row]) -> tuple[str, int]:
    """The worst status of the checks that are not OK, and how many have it; TOO_FEW and NOT_APPLICABLE are no fault."""
    found = [row["status"] for row in checks if row["status"] in WORST_FIRST[:4]]
    worst = min(found, key=WORST_FIRST.index, default="OK")
    return worst, found.count(worst)
