"""`ict-trial verify`: whether a snapshot still is what was published, and would be again."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipelines.commands.common import BUSY, FAILED, fail, protocol_of, with_workspace
from pipelines.workspace import Workspace


@click.command("verify")
@with_workspace()
@click.argument("snapshot", required=False, metavar="[ID]")
@click.option(
    "--backup",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A copy of the workspace, brought back from a backup: build from its store, which is only read.",
)
def verify(workspace: Workspace, snapshot: str | None, backup: Path | None) -> None:
    """Compute every digest of a snapshot again (default: the current one), its chain of changes, and its build from the
    originals.

    The board's report says when that was last done and how it ended; with --backup it counts as a restore drill. Exit
    1 where anything differs.
    """
    from pipelines.data_cut import CutError
    from pipelines.progress import Progress
    from pipelines.verification import verify as hold_against
    from pipelines.warehouse.query import QueryError, chosen_snapshot

    protocol = protocol_of(workspace)
    if backup and not (backup / "store" / "receipts").is_dir():
        fail(f"{backup} is no copy of a workspace: it has no store/receipts in it.")
    try:
        snapshot_id = chosen_snapshot(workspace, snapshot)
        with Progress() as progress:
            progress.say(f"Building snapshot {snapshot_id} again")
            found, said = hold_against(workspace, protocol, snapshot_id, backup and backup.absolute())
    except QueryError as error:
        fail(str(error))
    except CutError as error:
        fail(f"{str(error)[:1].upper()}{str(error)[1:]}.", BUSY)
    click.echo(f"Snapshot {snapshot_id}:")
    for sentence in said:
        click.echo(f"  {sentence}")
    if not found.holds:
        sys.exit(FAILED)
