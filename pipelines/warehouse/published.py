"""Where snapshots lie, and what each is called."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pipelines.workspace import Workspace

BLINDED = "blinded.duckdb"
UNBLINDED = "unblinded.duckdb"
MANIFEST = "manifest.json"
UNBLINDED_MANIFEST = "manifest-unblinded.json"  # digests of what the blinded do not see
WRITING = ".writing"  # ends the hidden name of a folder that is not published yet


def id_of(folder: Path) -> str:
    """The snapshot in a folder, hidden or published."""
    return folder.name.removeprefix(".").removesuffix(WRITING)


def snapshot_ids(workspace: Workspace) -> list[str]:
    """Every published snapshot, oldest first."""
    if not workspace.snapshots.is_dir():
        return []
    return sorted(p.name for p in workspace.snapshots.iterdir() if p.is_dir() and not p.name.startswith("."))


def current_snapshot(workspace: Workspace) -> str | None:
    """The id of the snapshot that `published/current` points to; None before the first publication."""
    link = workspace.published / "current"
    return link.readlink().name if link.is_symlink() and link.exists() else None


@dataclass(frozen=True)
class Snapshot:
    """One published snapshot. `as_of` (a day) and `built_at` (a time, UTC) stand as in its manifest, in ISO 8601."""

    snapshot_id: str
    as_of: str
    built_at: str
    current: bool


def list_snapshots(workspace: Workspace) -> list[Snapshot]:
    """Every published snapshot, newest first."""
    current = current_snapshot(workspace)
    found = []
    for snapshot_id in snapshot_ids(workspace):
        manifest = json.loads((workspace.snapshots / snapshot_id / MANIFEST).read_bytes())
        found.append(Snapshot(snapshot_id, manifest["as_of"], manifest["built_at"], snapshot_id == current))
    return sorted(found, key=lambda snapshot: (snapshot.built_at, snapshot.snapshot_id), reverse=True)
