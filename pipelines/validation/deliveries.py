"""Every delivery of a workspace, read and resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from pipelines.landing.decision import load_decisions
from pipelines.landing.receipt import Receipt, load_receipts
from pipelines.study.load import Protocol
from pipelines.validation.delivery import Delivery, resolve
from pipelines.validation.isolation import read_deliveries
from pipelines.validation.rows import Rows
from pipelines.validation.vanishing import count_vanishing, primary_instrument
from pipelines.workspace import Workspace

Read = Callable[[Workspace, Protocol, Sequence[Receipt]], Mapping[str, Rows]]


def receipts_of(workspace: Workspace, protocol: Protocol) -> list[Receipt]:
    """All receipts; those of a site that the study file no longer names are rejected."""
    named = protocol.study.site_by_id
    return [
        receipt
        if receipt.site_id in named
        else replace(receipt, rejected=f"the study file no longer names the site {receipt.site_id}")
        for receipt in load_receipts(workspace.receipts)
    ]


def all_deliveries(
    workspace: Workspace,
    protocol: Protocol,
    read: Read = read_deliveries,
    *,
    known: AbstractSet[str] | None = None,
    until: datetime | None = None,
) -> list[Delivery]:
    """Every delivery in sequence with its status; what has been read before is not read again.

    Of an earlier time: only the deliveries that were `known` then, and what was decided `until` then.
    """
    receipts = [r for r in receipts_of(workspace, protocol) if known is None or r.delivery_id in known]
    rows = read(workspace, protocol, receipts)
    instrument = primary_instrument(protocol)

    def vanishing(stream: list[Delivery], new: Rows):  # type: ignore[no-untyped-def]
        return count_vanishing([delivery.rows for delivery in stream], new, instrument)

    decisions = load_decisions(workspace.decisions, until)
    return resolve(receipts, lambda receipt: rows[receipt.delivery_id], protocol.study, vanishing, decisions)
