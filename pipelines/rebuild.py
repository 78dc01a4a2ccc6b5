"""A published snapshot built once more, from the stored originals alone, and held against what was published.

Nothing that a night keeps is used: every original is read again, every table made anew, in a folder that is removed
afterwards. The originals with their receipts, and what people decided, answered and acknowledged, come from the
workspace, or from a copy of it that was brought back from a backup: then it is a restore drill.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.data_cut import CutError, DataCut, must_be_same_rules, start_from_inputs
from pipelines.landing.receipt import load_receipts
from pipelines.quality.audit_chain import write_audit_trail
from pipelines.quality.check_table import write_check_results
from pipelines.quality.engine import ENGINE
from pipelines.quality.judge import judge
from pipelines.quality.report_tables import REPORT_TABLES, write_report_table
from pipelines.study.load import Protocol
from pipelines.validation.isolation import reading
from pipelines.warehouse.build import derive
from pipelines.warehouse.database import build_file, close_build, open_build
from pipelines.warehouse.digest import Canon, sha256_of, table_digest
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.graph import load_graph
from pipelines.warehouse.published import MANIFEST, UNBLINDED, UNBLINDED_MANIFEST
from pipelines.workspace import Workspace

INPUTS = (
    "originals",
    "receipts",
    "decisions",
    "answers",
    "acknowledgements",
)  # of the store; all else follows from them


def differing_tables(
    workspace: Workspace, protocol: Protocol, snapshot_id: str, backup: Path | None = None
) -> list[str]:
    """The tables that are others than were published, when the snapshot is built again; from the store of the copy in
    `backup`, where one is named. Raises CutError where it cannot be built. The caller holds the run's lock."""
    folder = workspace.snapshots / snapshot_id
    manifest = json.loads((folder / MANIFEST).read_bytes())
    hidden = json.loads((folder / UNBLINDED_MANIFEST).read_bytes())
    must_be_same_rules(protocol, manifest)
    source = Workspace(backup) if backup else workspace
    altered = _altered_originals(source, {str(delivery["sha256"]) for delivery in hidden["deliveries"]})
    if altered:
        raise CutError(f"{altered} of its stored originals are lost, or no longer the bytes that were received")
    with _scratch(workspace, snapshot_id, source) as rebuild:
        try:
            with reading(ahead=(receipt.bytes for receipt in load_receipts(rebuild.receipts))):
                start_from_inputs(rebuild, protocol, manifest, hidden)
            _derive_all(rebuild, protocol)
        except (WarehouseError, OSError) as error:
            raise CutError(f"snapshot {snapshot_id} could not be built again: {error}") from None
        return _differing(rebuild, hidden["files"][UNBLINDED]["tables"])


def _altered_originals(source: Workspace, sha256s: Iterable[str]) -> int:
    """How many of the originals are not there, or are not what they are called by."""
    paths = ((source.original(sha256), sha256) for sha256 in sha256s)
    return sum(not path.is_file() or sha256_of(path) != sha256 for path, sha256 in paths)


@contextmanager
def _scratch(workspace: Workspace, snapshot_id: str, source: Workspace) -> Iterator[DataCut]:
    """A workspace that has nothing but the inputs of `source`, which are only read."""
    root = workspace.store / "rebuild"
    effects.remove(root)  # what a killed one left
    rebuild = DataCut(root, snapshot_id)
    effects.make_directory(rebuild.store)
    for name in INPUTS:
        if (source.store / name).is_dir():
            effects.point(rebuild.store / name, str((source.store / name).resolve()))
    try:
        yield rebuild
    finally:
        close_build(rebuild)
        effects.remove(root)


def _derive_all(rebuild: DataCut, protocol: Protocol) -> None:
    graph = load_graph()
    with ENGINE.may_load(), open_build(rebuild) as con:
        ENGINE.load()
        for name in graph.order:
            derive(rebuild, name, graph)
        write_audit_trail(con, build_file(rebuild))
        write_check_results(con, judge(con, protocol))
        for name in REPORT_TABLES:
            write_report_table(con, protocol, name)


def _differing(rebuild: DataCut, published: dict[str, Any]) -> list[str]:
    """`meta.*` says what the others hold; it is no part of the build, and the digests of the file cover it."""
    names = sorted(name for name in published if not name.startswith("meta."))
    with open_build(rebuild) as con:
        return [
            name for name in names if table_digest(con, Canon.from_dict(published[name])) != published[name]["digest"]
        ]
