"""The data manager's desk for deliveries: what became of each as of the last snapshot, and what is decided on it.

A decision acts in the next night; the list says so until then.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any

from pipelines import effects
from pipelines.landing.decision import Decision, Verdict, load_decisions
from pipelines.landing.receipt import load_receipts
from pipelines.warehouse.query import Answer, QueryError, query
from pipelines.workspace import Workspace

NOT_PUBLISHED = "received"  # the status of what no snapshot knows yet
STATUSES = ("accepted", "partial", "rejected", "held", "repeat", NOT_PUBLISHED)
_PUBLISHED = """
    SELECT delivery_id, status, n_vanishing, n_vanishing_primary, reason, decision
    FROM quality.delivery
"""
_NEXT_NIGHT = {"accept": "will be let through", "refuse": "will be refused"}


class DecisionError(Exception):
    """The delivery cannot be decided on so; one sentence says why."""


@dataclass(frozen=True)
class Listed:
    """One delivery. `n_vanishing` records, `n_primary` of them of the primary outcome, are in its stream and not in
    it; `next_night` says what a decision that no snapshot knows yet will do."""

    delivery_id: str
    site_id: str
    feed: str
    file_name: str
    received_at: datetime
    status: str
    n_vanishing: int | None
    n_primary: int | None
    reason: str | None
    next_night: str | None


def list_deliveries(workspace: Workspace, statuses: Collection[str] = ()) -> list[Listed]:
    """Every delivery, or those with one of these statuses, the newest first."""
    published = _published(workspace)
    decisions = load_decisions(workspace.decisions)
    found = []
    for receipt in sorted(load_receipts(workspace.receipts), key=lambda r: (r.received_at, r.delivery_id)):
        status, n_vanishing, n_primary, reason, acted = published.get(receipt.delivery_id, (NOT_PUBLISHED, *[None] * 4))
        decision = decisions.get(receipt.delivery_id)
        pending = _NEXT_NIGHT[decision.verdict] if decision is not None and decision.said != acted else None
        identity = (receipt.delivery_id, receipt.site_id, receipt.feed, receipt.file_name, receipt.received_at)
        found.append(Listed(*identity, status, n_vanishing, n_primary, reason, pending))
    return [listed for listed in reversed(found) if not statuses or listed.status in statuses]


def as_answer(deliveries: Collection[Listed]) -> Answer:
    """The list as a table that can be rendered."""
    types = {"received_at": "TIMESTAMP WITH TIME ZONE", "n_vanishing": "BIGINT", "n_primary": "BIGINT"}
    names = [field.name for field in fields(Listed)]
    return Answer(names, [types.get(name, "VARCHAR") for name in names], [astuple(d) for d in deliveries])


def decide(workspace: Workspace, delivery_id: str, verdict: Verdict, by: str, note: str, now: datetime) -> Decision:
    """Keep a decision on a delivery. Raises DecisionError."""
    by, note = " ".join(by.split()), " ".join(note.split())
    if not by or not note:
        raise DecisionError("a decision needs a name (--by) and a reason (--note)")
    listed = {d.delivery_id: d for d in list_deliveries(workspace)}.get(delivery_id)
    if listed is None:
        raise DecisionError(f"there is no delivery {delivery_id}; `ict-trial deliveries list` shows them")
    former = load_decisions(workspace.decisions).get(delivery_id)
    if verdict == "accept" and former is None and listed.status not in ("held", NOT_PUBLISHED):
        raise DecisionError(
            f"{delivery_id} is {listed.status}, not held" + (f": {listed.reason}" * bool(listed.reason))
        )
    decision = Decision(delivery_id, former.number + 1 if former else 1, verdict, by, note, now)
    decision.save(effects.make_directory(workspace.decisions))
    return decision


def _published(workspace: Workspace) -> dict[str, tuple[Any, ...]]:
    """What the current snapshot says of each delivery; nothing before there is one that knows of decisions."""
    try:
        rows = query(workspace, _PUBLISHED, unblinded=True).rows
    except QueryError:
        return {}
    return {row[0]: tuple(row[1:]) for row in rows}
