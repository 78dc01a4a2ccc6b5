"""What the board can hold a snapshot against: digests of what went in and came out, the pack before, the audit chain.

None of it tells an arm: only deliveries that everybody may know of and tables of the blinded file are counted in, and
of the whole chain no more than whether it holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from pipelines.warehouse.published import BLINDED, MANIFEST, snapshot_ids
from pipelines.workspace import Workspace

ITSELF = "meta.snapshot"  # holds the digests of all files, and so changes with those that tell arms


def identity(workspace: Workspace, snapshot_id: str, manifest: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """The row of `board.identity`."""
    received = sorted(str(delivery["sha256"]) for delivery in manifest["deliveries"])
    before = max((other for other in snapshot_ids(workspace) if other < snapshot_id), default=None)
    was = json.loads((workspace.snapshots / before / MANIFEST).read_bytes()) if before else None
    yield snapshot_id, len(received), _sha256(received), tables_digest(manifest), before, was and tables_digest(was)


def tables_digest(manifest: Mapping[str, Any]) -> str:
    """One digest over those of the blinded file's tables, but for the one that holds the digests of all files."""
    tables = manifest["files"][BLINDED]["tables"]
    return _sha256(f"{name} {table['digest']}" for name, table in sorted(tables.items()) if name != ITSELF)


def _sha256(lines: Any) -> str:
    return sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
