"""`ict-trial report`: the board's report of a published snapshot."""

from __future__ import annotations

import click

from pipelines.commands.common import fail, protocol_of, with_workspace
from pipelines.workspace import Workspace


@click.command()
@with_workspace()
@click.option("--snapshot", help="An earlier snapshot's id (default: the current one).")
def report(workspace: Workspace, snapshot: str | None) -> None:
    """Write the board's open report of a snapshot: one HTML file, and the PDF of it.

    The thresholds are those of the study file as it stands now, so that a changed one shows at once.
    """
    from pipelines.report.board.write import pages, write_open_report
    from pipelines.warehouse.query import QueryError, chosen_snapshot

    protocol = protocol_of(workspace)
    try:
        snapshot_id = chosen_snapshot(workspace, snapshot)
    except QueryError as error:
        fail(str(error))
    for message in write_open_report(workspace, protocol, snapshot_id):
        click.echo(message, err=True)
    for page in pages(workspace, snapshot_id):
        click.echo(page)
