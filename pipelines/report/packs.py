"""The packs in `reports/`: what was written for people after each night."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines import effects
from pipelines.own_words import in_own_words
from pipelines.warehouse.published import Snapshot, list_snapshots
from pipelines.workspace import Workspace

PAGES = {"open.html": "report", "open.pdf": "report as PDF", "status.html": "status"}
SITE_LISTS = "sites"
LATEST = "latest"  # points to the pack of the last night


@dataclass(frozen=True)
class Pack:
    """One folder of `reports/`. `pages` are the names of those of PAGES that are in it; `latest` is the one that
    `reports/latest` points to; `snapshot` is None where none of that name is published any more."""

    name: str
    pages: list[str]
    latest: bool
    snapshot: Snapshot | None


def show_pack(workspace: Workspace, snapshot_id: str) -> list[str]:
    """Point `reports/latest` to the pack of a snapshot; returns a sentence where that could not be done."""
    try:
        effects.make_directory(workspace.reports / snapshot_id)
        effects.point(workspace.reports / LATEST, snapshot_id)
    except OSError as error:
        return [f"reports/latest still points to an earlier night: {in_own_words(error)}"]
    return []


def list_packs(workspace: Workspace) -> list[Pack]:
    """Every pack, the newest first."""
    if not workspace.reports.is_dir():
        return []
    known = {snapshot.snapshot_id: snapshot for snapshot in list_snapshots(workspace)}
    link = workspace.reports / LATEST
    latest = link.readlink().name if link.is_symlink() else None
    folders = [p for p in workspace.reports.iterdir() if p.is_dir() and not p.is_symlink() and p.name[0] != "."]
    return [
        Pack(p.name, [name for name in PAGES if (p / name).is_file()], p.name == latest, known.get(p.name))
        for p in sorted(folders, key=lambda p: p.name, reverse=True)
    ]
