"""Where snapshots lie, and what each is called."""

from __future__ import annotations

from pipelines.workspace import Workspace

BLINDED = "blinded.duckdb"
UNBLINDED = "unblinded.duckdb"
MANIFEST = "manifest.json"
UNBLINDED_MANIFEST = "manifest-unblinded.json"  # digests of what the blinded do not see
WRITING = ".writing"  # ends the hidden name of a folder that is not published yet


def snapshot_ids(workspace: Workspace) -> list[str]:
    """Every published snapshot, oldest first."""
    if not workspace.snapshots.is_dir():
        return []
    return sorted(p.name for p in workspace.snapshots.iterdir() if p.is_dir() and not p.name.startswith("."))


def current_snapshot(workspace: Workspace) -> str | None:
    """The id of the snapshot that `published/current` points to; None before the first publication."""
    link = workspace.published / "current"
    return link.readlink().name if link.is_symlink() and link.exists() else None
