"""`ict-trial queries`: what is asked about the data, and what people answer."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import click

from pipelines.commands.common import fail, protocol_of, with_workspace, workspace_before
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.quality.answers import Status

STATUSES = ("open", "answered", "closed", "miscorrected")
SHOWN = ("query_id", "status", "severity", "site_id", "subject_id", "rule", "record_key", "opened_on", "age_days")
INNER = ("version", "last_delivery_id")


@click.group()
@workspace_before
def queries() -> None:
    """What is asked about single records, and the answers."""


@queries.command("list")
@with_workspace()
@click.option("--site", help="Of this site only.")
@click.option("--status", "statuses", type=click.Choice(STATUSES), multiple=True, help="Only these; may be repeated.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def list_queries(workspace: Workspace, site: str | None, statuses: tuple[str, ...], form: str) -> None:
    """List the data queries, what needs attention first."""
    from pipelines.quality.query_list import data_queries
    from pipelines.warehouse.query import QueryError
    from pipelines.warehouse.render import Answer, render

    known = protocol_of(workspace).study.site_by_id
    if site is not None and site not in known:
        fail(f"No site {site}; the sites are {', '.join(known)}.")
    try:
        rows = data_queries(workspace, site, statuses)
    except QueryError as error:
        fail(str(error))
    names = list(SHOWN) if form == "table" else _columns()
    types = ["BIGINT" if name in ("age_days", "n_reopened") else "VARCHAR" for name in names]
    cells: list[tuple[Any, ...]] = [tuple(row[name] for name in names) for row in rows]
    sys.stdout.buffer.write(render(Answer(names, types, cells), form))


def _columns() -> list[str]:
    from pipelines.quality.query_list import COLUMNS

    return [*(name for name in COLUMNS.split(", ") if name not in INNER), "note"]


@queries.command()
@with_workspace()
@click.argument("query_id", metavar="ID")
@click.option("--by", "given_by", required=True, metavar="NAME", help="Who answers.")
@click.option(
    "--status",
    type=click.Choice(["resolved", "confirmed"]),
    required=True,
    help="resolved: the next delivery will show it corrected; confirmed: it is right as it is.",
)
@click.option("--note", default="", help="Why; kept in the store and never published.")
def answer(workspace: Workspace, query_id: str, given_by: str, status: str, note: str) -> None:
    """Answer the data query ID; the next nightly takes the answer in."""
    from pipelines.quality.answers import AnswerError, give_answer
    from pipelines.quality.query_list import data_queries
    from pipelines.warehouse.published import current_snapshot
    from pipelines.warehouse.query import QueryError

    try:
        wanted = query_id.strip().upper()
        row = next((row for row in data_queries(workspace) if row["query_id"] == wanted), None)
        if row is None:
            fail(f"There is no data query {query_id}; `ict-trial queries list` shows them.")
        snapshot_id = current_snapshot(workspace) or ""
        given = give_answer(workspace, row, snapshot_id, cast("Status", status), given_by, note, datetime.now(UTC))
    except (QueryError, AnswerError) as error:
        fail(str(error))
    until = "the value changes" if status == "confirmed" else "the record's source is delivered again"
    click.echo(f"{given.query_id} is answered by {given.given_by}: {status}. It stays so until {until}.")
