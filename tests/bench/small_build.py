"""The tables of a site's three files, without a night around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.validation.delivery import resolve
from pipelines.validation.intake import read_delivery
from pipelines.validation.vanishing import Vanishing
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.database import close_build, open_build
from pipelines.warehouse.graph import load_graph
from pipelines.workspace import Workspace
from tests.bench.log_trial import AS_OF
from tests.sql.trial import needed
from tests.validation.deliver import receipt_of

FEEDS = ("participants", "allocation", "usage")


@contextmanager
def built(folder: Path, protocol: Protocol, site: Path, *wanted: str) -> Iterator[Any]:
    """A connection to a build with the `wanted` tables and what they need, of oxford's files below `site`."""
    workspace = Workspace(folder)
    receipts = [_store(workspace, feed, (site / feed / f"{feed}.csv").read_bytes()) for feed in FEEDS]
    rows = {receipt.delivery_id: read_delivery(workspace, protocol, receipt) for receipt in receipts}
    assert not any(read.rejected for read in rows.values())
    deliveries = resolve(
        receipts, lambda receipt: rows[receipt.delivery_id], protocol.study, lambda *_: Vanishing(0, 0, 0), {}
    )
    start_build(workspace, protocol, deliveries, date.fromisoformat(AS_OF))
    graph = load_graph()
    asked = needed(graph, set(wanted))
    for name in graph.order:
        if name in asked:
            derive(workspace, name, graph)
    try:
        with open_build(workspace) as con:
            yield con
    finally:
        close_build(workspace)


def _store(workspace: Workspace, feed: str, content: bytes) -> Receipt:
    receipt = receipt_of(content, "oxford", feed, f"{feed}.csv")
    original = workspace.original(receipt.content_sha256)
    original.parent.mkdir(parents=True, exist_ok=True)
    original.write_bytes(content)
    return receipt
