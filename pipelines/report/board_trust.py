"""What the board can hold a snapshot against: digests of what went in and came out, the pack before, the audit chain.

None of it tells an arm: only deliveries that everybody may know of and tables of the blinded file are counted in, and
of the whole chain no more than whether it holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from pipelines.warehouse.published import BLINDED, MANIFEST
from pipelines.workspace import Workspace

# A snapshot's name ends in the digest of all its tables, so it is not told here.
ITSELF = "meta.snapshot"  # holds the digests of all files, and so changes with those that tell arms


def identity(workspace: Workspace, manifest: Mapping[str, Any], before: str | None) -> Iterator[tuple[Any, ...]]:
    """The row of `board.identity`; `before`: the snapshot of the last pack."""
    received = sorted(str(delivery["sha256"]) for delivery in manifest["deliveries"])
    path = workspace.snapshots / before / MANIFEST if before else None
    was = json.loads(path.read_bytes()) if path and path.is_file() else None
    yield len(received), _sha256(received), tables_digest(manifest), was and tables_digest(was)


def tables_digest(manifest: Mapping[str, Any]) -> str:
    """One digest over those of the blinded file's tables, but for the one that holds the digests of all files."""
    tables = manifest["files"][BLINDED]["tables"]
    return _sha256(f"{name} {table['digest']}" for name, table in sorted(tables.items()) if name != ITSELF)


def _sha256(lines: Any) -> str:
    return sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
