"""Every delivery of a workspace, read and resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

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


def all_deliveries(workspace: Workspace, protocol: Protocol, read: Read = read_deliveries) -> list[Delivery]:
    """Every delivery in sequence with its status; what has been read before is not read again."""
    receipts = receipts_of(workspace, protocol)
    rows = read(workspace, protocol, receipts)
    instrument = primary_instrument(protocol)

    def vanishing(stream: list[Delivery], new: Rows):  # type: ignore[no-untyped-def]
        return count_vanishing([delivery.rows for delivery in stream], new, instrument)

    decisions = load_decisions(workspace.decisions)
    return resolve(receipts, lambda receipt: rows[receipt.delivery_id], protocol.study, vanishing, decisions)
