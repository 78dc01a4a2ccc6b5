"""All deliveries seen together: which follow which, and what became of each.

A pure function of the receipts, the rows read from them and the data manager's decisions; the order in which
files were found, and how many nights it took, make no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipelines.landing.decision import Decision
from pipelines.landing.receipt import Receipt
from pipelines.study.study import Study
from pipelines.validation.rows import Rows
from pipelines.validation.vanishing import Vanishing

Status = Literal["accepted", "partial", "rejected", "held", "repeat"]


@dataclass(frozen=True)
class Delivery:
    """A receipt, the rows read from its bytes, its place among all deliveries, and what became of it.

    Only `accepted` and `partial` deliveries contribute rows. `vanishing` counts what a full export without a
    manifest would make vanish; `decision` is what the data manager decided on it.
    """

    receipt: Receipt
    rows: Rows
    sequence: int
    status: Status
    reason: str | None
    vanishing: Vanishing | None = None
    decision: Decision | None = None

    @property
    def contributes(self) -> bool:
        return self.status in ("accepted", "partial")


CountVanishing = Callable[[list[Delivery], Rows], Vanishing]


@dataclass
class _Stream:
    """What a full export replaces: the deliveries that contributed so far, and the bytes last refused by hand."""

    contributed: list[Delivery] = field(default_factory=list)
    refused: Delivery | None = None

    def add(self, delivery: Delivery) -> None:
        if delivery.contributes:
            self.contributed.append(delivery)
            self.refused = None
        elif delivery.decision is not None and delivery.decision.verdict == "refuse":
            self.refused = delivery

    def has_refused(self, receipt: Receipt) -> Decision | None:
        """The decision by which the same bytes were refused when they came before."""
        same = self.refused is not None and self.refused.receipt.content_sha256 == receipt.content_sha256
        return self.refused.decision if same and self.refused is not None else None

    def repeats(self, receipt: Receipt) -> bool:
        return bool(self.contributed) and self.contributed[-1].receipt.content_sha256 == receipt.content_sha256


def resolve(
    receipts: Iterable[Receipt],
    rows_of: Callable[[Receipt], Rows],
    study: Study,
    count_vanishing: CountVanishing,
    decisions: Mapping[str, Decision],
) -> list[Delivery]:
    """Every delivery in sequence, with its status.

    `count_vanishing(deliveries of the stream so far, new rows)` counts the records that a full export
    would make vanish. `decisions` are the data manager's, by delivery.
    """
    ordered = sorted(receipts, key=lambda r: (r.place, r.file_name, r.content_sha256, r.delivery_id))
    read = {r.delivery_id: rows_of(r) for r in ordered}
    broken = _refusals(ordered, read)
    streams: dict[tuple[str, str, str], _Stream] = defaultdict(_Stream)
    deliveries: list[Delivery] = []
    for sequence, receipt in enumerate(ordered, start=1):
        rows, decision = read[receipt.delivery_id], decisions.get(receipt.delivery_id)
        stream = streams[receipt.site_id, receipt.feed, rows.stream]
        reason = broken.get(receipt.delivery_id)
        if reason:
            delivery = Delivery(receipt, rows, sequence, "rejected", reason, decision=decision)
        else:
            vanishing = None
            if rows.scope == "full" and not receipt.has_manifest and stream.contributed:
                vanishing = count_vanishing(stream.contributed, rows)
            status, reason = _judge(receipt, rows, stream, decision, vanishing, study)
            delivery = Delivery(receipt, rows, sequence, status, reason, vanishing, decision)
        deliveries.append(delivery)
        stream.add(delivery)
    return deliveries


def _refusals(receipts: list[Receipt], read: dict[str, Rows]) -> dict[str, str]:
    """Why a delivery is rejected; a drop with a manifest is rejected whole."""
    reasons: dict[str, str] = {}
    for receipt in receipts:
        rows = read[receipt.delivery_id]
        counted = None
        if receipt.rows is not None and not rows.rejected and rows.n_rows != receipt.rows:
            counted = f"its manifest says {receipt.rows} data rows; the file holds {rows.n_rows}"
        reason = receipt.rejected or rows.rejected or counted
        if reason:
            reasons[receipt.delivery_id] = reason
    drops = {r.drop: (r.file_name, reasons[r.delivery_id]) for r in receipts if r.delivery_id in reasons}
    for receipt in receipts:
        if receipt.has_manifest and receipt.drop in drops:
            file_name, reason = drops[receipt.drop]
            reasons.setdefault(receipt.delivery_id, f"{file_name} of the same drop: {reason}")
    return reasons


def _judge(
    receipt: Receipt,
    rows: Rows,
    stream: _Stream,
    decision: Decision | None,
    vanishing: Vanishing | None,
    study: Study,
) -> tuple[Status, str | None]:
    """The status of a delivery that could be read whole, and why it is so."""
    if decision is not None and decision.verdict == "refuse":
        return "rejected", decision.said
    refused_before = stream.has_refused(receipt)
    if refused_before is not None and decision is None:
        return "rejected", f"the same bytes as a delivery {refused_before.said}"
    if stream.repeats(receipt):
        return "repeat", "the same bytes as the stream's latest delivery"
    if vanishing is not None and decision is None and vanishing.exceeds(study.deliveries.hold_when_vanishing):
        return "held", (
            f"{vanishing.records} of {vanishing.held} records would vanish, {vanishing.primary} of them of the "
            "primary outcome; ask the site, and where it is meant accept it (ict-trial deliveries accept "
            f"{receipt.delivery_id})"
        )
    return ("partial" if rows.n_quarantined else "accepted"), decision.said if decision else None


def conservation_gap(rows: Rows) -> int:
    """Records that arrived but were neither accepted nor quarantined nor duplicates; always 0."""
    return rows.n_rows - rows.n_accepted - rows.n_quarantined - rows.n_duplicate
