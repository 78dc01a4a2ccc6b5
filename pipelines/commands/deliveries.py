"""`ict-trial deliveries`: what became of each delivery, and the data manager's word on it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Literal

import click

from pipelines.commands.common import Command, fail, with_workspace, workspace_before
from pipelines.workspace import Workspace


@click.group()
@workspace_before
def deliveries() -> None:
    """What became of each delivery, and the data manager's word on those that are held."""


@deliveries.command("list")
@with_workspace()
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(["accepted", "partial", "rejected", "held", "repeat", "received"]),
    help="Only these; may be repeated. received: no snapshot knows it yet.",
)
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def list_(workspace: Workspace, statuses: tuple[str, ...], form: str) -> None:
    """Every delivery, the newest first: why it is held, and how many records would vanish with it."""
    from pipelines.delivery_desk import as_answer, list_deliveries
    from pipelines.warehouse.render import render

    sys.stdout.buffer.write(render(as_answer(list_deliveries(workspace, statuses)), form))


def _decision(command: Command) -> Command:
    """The words that every decision takes."""
    named = click.option("--by", required=True, help="Who decides.")
    reasoned = click.option("--note", required=True, help="Why; published with the delivery, not to the blinded.")
    return with_workspace()(click.argument("delivery_id")(named(reasoned(command))))


@deliveries.command()
@_decision
def accept(workspace: Workspace, delivery_id: str, by: str, note: str) -> None:
    """Let a held full export through, from the next night on."""
    _decide(workspace, delivery_id, "accept", by, note)


@deliveries.command()
@_decision
def refuse(workspace: Workspace, delivery_id: str, by: str, note: str) -> None:
    """Reject a delivery, held or accepted, from the next night on."""
    _decide(workspace, delivery_id, "refuse", by, note)


def _decide(workspace: Workspace, delivery_id: str, verdict: Literal["accept", "refuse"], by: str, note: str) -> None:
    from pipelines.delivery_desk import DecisionError, decide

    try:
        decision = decide(workspace, delivery_id, verdict, by, note, datetime.now(UTC).replace(microsecond=0))
    except DecisionError as error:
        fail(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    click.echo(f"{delivery_id}: {decision.said}. The next night acts on it.")
