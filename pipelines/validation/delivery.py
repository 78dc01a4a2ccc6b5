"""All deliveries seen together: which follow which, and what became of each.

A pure function of the receipts and the rows read from them; the order in which files were found, and how
many nights it took, make no difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from pipelines.landing.receipt import Receipt
from pipelines.study.study import Study
from pipelines.validation.rows import Rows
from pipelines.validation.vanishing import Vanishing

Status = Literal["accepted", "partial", "rejected", "held", "repeat"]


@dataclass(frozen=True)
class Delivery:
    """A receipt, the rows read from its bytes, its place among all deliveries, and what became of it.

    Only `accepted` and `partial` deliveries contribute rows.
    """

    receipt: Receipt
    rows: Rows
    sequence: int
    status: Status
    reason: str | None

    @property
    def contributes(self) -> bool:
        return self.status in ("accepted", "partial")


CountVanishing = Callable[[list[Delivery], Rows], Vanishing]


def resolve(
    receipts: Iterable[Receipt],
    rows_of: Callable[[Receipt], Rows],
    study: Study,
    count_vanishing: CountVanishing,
) -> list[Delivery]:
    """Every delivery in sequence, with its status.

    `count_vanishing(deliveries of the stream so far, new rows)` counts the records that a full export
    would make vanish.
    """
    ordered = sorted(receipts, key=lambda r: (r.place, r.file_name, r.content_sha256, r.delivery_id))
    read = {r.delivery_id: rows_of(r) for r in ordered}
    refused = _refusals(ordered, read)
    streams: dict[tuple[str, str, str], list[Delivery]] = defaultdict(list)
    deliveries: list[Delivery] = []
    for sequence, receipt in enumerate(ordered, start=1):
        rows = read[receipt.delivery_id]
        stream = streams[receipt.site_id, receipt.feed, rows.stream]
        status, reason = _judge(receipt, rows, refused.get(receipt.delivery_id), stream, study, count_vanishing)
        delivery = Delivery(receipt, rows, sequence, status, reason)
        deliveries.append(delivery)
        if delivery.contributes:
            stream.append(delivery)
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
    refused: str | None,
    stream: list[Delivery],
    study: Study,
    count_vanishing: CountVanishing,
) -> tuple[Status, str | None]:
    if refused:
        return "rejected", refused
    if stream and stream[-1].receipt.content_sha256 == receipt.content_sha256:
        return "repeat", "the same bytes as the stream's latest delivery"
    if rows.scope == "full" and not receipt.has_manifest and stream:
        vanishing = count_vanishing(stream, rows)
        limit = study.deliveries.hold_when_vanishing
        if vanishing.primary or (
            vanishing.records >= limit.records and vanishing.records > limit.share * vanishing.held
        ):
            return "held", (
                f"{vanishing.records} of {vanishing.held} records would vanish, {vanishing.primary} of them of the "
                "primary outcome; ask the site, and where it is meant have it sent with a manifest"
            )
    return ("partial" if rows.n_quarantined else "accepted"), None


def conservation_gap(rows: Rows) -> int:
    """Records that arrived but were neither accepted nor quarantined nor duplicates; always 0."""
    return rows.n_rows - rows.n_accepted - rows.n_quarantined - rows.n_duplicate
