"""`ict-trial report`: the board's report of a published snapshot, and the closed one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pipelines.commands.common import fail, protocol_of, with_workspace
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from pipelines.study.load import Protocol


@click.command()
@with_workspace()
@click.option("--snapshot", help="An earlier snapshot's id (default: the current one).")
@click.option("--closed", is_flag=True, help="The closed report instead: by arm, into closed/. It unblinds.")
def report(workspace: Workspace, snapshot: str | None, closed: bool) -> None:
    """Write the board's open report of a snapshot: one HTML file, and the PDF of it.

    The thresholds are those of the study file as it stands now, so that a changed one shows at once.

    With --closed it is the report by treatment arm for the independent statistician, made from the unblinded
    snapshot into closed/<snapshot>/, for its owner alone. The arms go by letters; closed/arm_codes.json says which is
    which. The nightly never makes it: run it as the user to whom closed/ belongs.
    """
    from pipelines.warehouse.query import QueryError, chosen_snapshot

    protocol = protocol_of(workspace)
    try:
        snapshot_id = chosen_snapshot(workspace, snapshot)
    except QueryError as error:
        fail(str(error))
    pages, messages = (_closed if closed else _open)(workspace, protocol, snapshot_id)
    for message in messages:
        click.echo(message, err=True)
    for page in pages:
        click.echo(page)


def _open(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> tuple[list[Path], list[str]]:
    from pipelines.report.board.write import pages, write_open_report

    messages = write_open_report(workspace, protocol, snapshot_id)
    return pages(workspace, snapshot_id), messages


def _closed(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> tuple[list[Path], list[str]]:
    import duckdb

    from pipelines.own_words import in_own_words
    from pipelines.report.closed.write import write_closed_report

    try:
        return write_closed_report(workspace, protocol, snapshot_id)
    except OSError as error:
        what = "the unblinded snapshot cannot be read, or closed/ not written"
        fail(f"The closed report was not made: {what}, by this user ({error.strerror}: {error.filename})")
    except duckdb.Error as error:
        what = f"snapshot {snapshot_id} lacks what it reads; one of an earlier version of the program may"
        fail(f"The closed report was not made: {what} ({in_own_words(error)})")
