"""The alerts of a database, as people list them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COLUMNS = (
    "alert_id, site_id, subject_id, kind, severity, what, visit, occurred_on, noticed_at, due_at, standing, n_records, "
    "status, acknowledged_by, acknowledged_at"
)
STATUSES = ("overdue", "open", "acknowledged_late", "acknowledged")
_SQL = f"""
    SELECT {COLUMNS} FROM safety.alert
    WHERE list_contains($statuses, status) AND site_id = coalesce($site, site_id)
    ORDER BY list_position($order, status), severity DESC, due_at, site_id, subject_id, alert_id
"""  # noqa: S608 (the columns above)


def alerts(con: Any, site: str | None = None, statuses: Sequence[str] = STATUSES) -> list[dict[str, Any]]:
    """Rows of `safety.alert` with COLUMNS, what nobody acknowledged in time first."""
    asked = {"site": site, "statuses": list(statuses), "order": list(STATUSES)}
    names = COLUMNS.split(", ")
    return [dict(zip(names, row, strict=True)) for row in con.execute(_SQL, asked).fetchall()]
