"""The one moment at which readers see something new."""

from __future__ import annotations

import grp
from pathlib import Path

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.published import BLINDED, MANIFEST, UNBLINDED, UNBLINDED_MANIFEST, id_of
from pipelines.workspace import Workspace

READABLE_FOLDER = 0o750
MODES = {BLINDED: 0o440, MANIFEST: 0o440, UNBLINDED: 0o400, UNBLINDED_MANIFEST: 0o400}
LINKS = {"current.duckdb": f"current/{BLINDED}", "current-unblinded.duckdb": f"current/{UNBLINDED}"}


def publish(workspace: Workspace, protocol: Protocol, written: Path) -> Path:
    """Make the snapshot in the hidden folder `written` durable, give it its name, and switch `current` to it.

    Until the last rename readers see the former snapshot, after it the new one. Returns its folder.
    """
    _give_modes(workspace, written, _existing_group(protocol.study.deployment.group))
    snapshot_id = id_of(written)
    final = workspace.snapshots / snapshot_id
    effects.rename(written, final)
    for link, target in LINKS.items():
        _point(workspace.published / link, target)
    effects.point(workspace.published / "current", f"snapshots/{snapshot_id}")
    return final


def _give_modes(workspace: Workspace, written: Path, group: str | None) -> None:
    try:
        for name, mode in MODES.items():
            shared = mode & 0o040
            effects.settle(written / name, mode, group if shared else None)
        for folder in (workspace.published, workspace.snapshots, written):
            effects.settle(folder, READABLE_FOLDER, group)
    except PermissionError:
        raise WarehouseError(
            f"the published files could not be given their modes or the group {group}; whoever runs the nightly "
            "must own published/ and belong to that group"
        ) from None


def _existing_group(name: str | None) -> str | None:
    """The deployment's group; None where this machine does not know it."""
    try:
        return grp.getgrnam(name).gr_name if name else None
    except KeyError:
        return None


def _point(link: Path, target: str) -> None:
    if not link.is_symlink() or str(link.readlink()) != target:
        effects.point(link, target)
