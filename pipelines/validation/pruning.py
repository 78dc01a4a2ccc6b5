"""Rows that an earlier code or study file read, once they have been read anew: nothing will ask for them again."""

from __future__ import annotations

from pathlib import Path

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.validation.deliveries import receipts_of
from pipelines.validation.intake import rows_folder
from pipelines.validation.rows import load_rows
from pipelines.workspace import Workspace

LEAVING = ".leaving"  # ends the hidden name of a folder that is being removed


def prune_rows(workspace: Workspace, protocol: Protocol) -> int:
    """Remove, of every delivery whose current rows are complete, the folders of other readings; returns how many.

    A folder is hidden before it is emptied: half of one is never taken for rows. What no receipt speaks of stays.
    """
    removed = 0
    for receipt in receipts_of(workspace, protocol):
        kept = _folders(workspace.rows / receipt.delivery_id)
        if len(kept) < 2 or receipt.rejected:
            continue
        current = rows_folder(workspace, protocol, receipt)
        if load_rows(current) is None:
            continue
        for folder in kept:
            if folder != current:
                _remove(folder)
                removed += 1
    return removed


def _folders(of_delivery: Path) -> list[Path]:
    return sorted(of_delivery.iterdir()) if of_delivery.is_dir() else []


def _remove(folder: Path) -> None:
    hidden = folder if folder.name.endswith(LEAVING) else folder.with_name(f".{folder.name}{LEAVING}")
    if hidden != folder:
        effects.rename(folder, hidden)
    effects.remove(hidden)
