"""What the report of a snapshot tells beside what is in it: the weeks, its pack, and how the nights went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.night import Night, nights
from pipelines.quality.history import Week, load_weeks
from pipelines.quality.pack import Pack, audit_of, load_pack
from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Beside:
    """`folder` is the snapshot's, hidden or published; `pack` as `load_pack` gives it."""

    folder: Path
    weeks: Sequence[Week]
    pack: Mapping[str, Any]
    nights: Sequence[Night]


def kept_beside(workspace: Workspace, snapshot_id: str) -> Beside:
    """What stands beside a published snapshot."""
    folder = workspace.snapshots / snapshot_id
    return Beside(folder, load_weeks(workspace), load_pack(workspace, snapshot_id), nights(workspace))


def will_stand_beside(workspace: Workspace, folder: Path, pack: Pack, tonight: Night) -> Beside:
    """What will stand beside the hidden snapshot in `folder` when it is published and its pack is kept."""
    weeks = load_weeks(workspace)
    if pack.week.week not in [week.week for week in weeks]:
        weeks = sorted([*weeks, pack.week], key=lambda week: week.week)
    known = [night for night in nights(workspace) if night.run_id != tonight.run_id]
    content = pack.content | {"audit": [audit_of(workspace, folder)]}
    return Beside(folder, weeks, content, [*known, replace(tonight, outcome="published")])
