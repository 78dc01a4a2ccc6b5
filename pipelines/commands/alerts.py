"""`ict-trial alerts`: what a clinician must see, and who acknowledged it."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click

from pipelines.commands.common import fail, protocol_of, with_workspace
from pipelines.workspace import Workspace

SHOWN = ("alert_id", "status", "severity", "site_id", "subject_id", "kind", "what", "occurred_on", "due_at")


@click.group()
def alerts() -> None:
    """Alerts about people's safety, and who acknowledged them."""


@alerts.command("list")
@with_workspace()
@click.option("--site", help="Of this site only.")
@click.option("--all", "every", is_flag=True, help="Those acknowledged, too.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def list_alerts(workspace: Workspace, site: str | None, every: bool, form: str) -> None:
    """List the alerts that wait to be acknowledged, what is overdue first."""
    from pipelines.safety.alerts import COLUMNS, STATUSES
    from pipelines.warehouse.render import Answer, render

    known = protocol_of(workspace).study.site_by_id
    if site is not None and site not in known:
        fail(f"No site {site}; the sites are {', '.join(known)}.")
    rows = _published_alerts(workspace, site, STATUSES if every else ("overdue", "open"))
    names = list(SHOWN) if form == "table" else COLUMNS.split(", ")
    cells: list[tuple[Any, ...]] = [tuple(row[name] for name in names) for row in rows]
    types = ["BIGINT" if name == "n_records" else "VARCHAR" for name in names]
    sys.stdout.buffer.write(render(Answer(names, types, cells), form))


@alerts.command()
@with_workspace()
@click.argument("alert_id", metavar="ID")
@click.option("--by", "given_by", required=True, metavar="NAME", help="Who has seen it.")
@click.option("--note", default="", help="What was done; kept in the store and never published.")
def acknowledge(workspace: Workspace, alert_id: str, given_by: str, note: str) -> None:
    """Acknowledge the alert ID: somebody has seen it and deals with it. The next nightly takes it in."""
    from pipelines.safety.acknowledgement import AcknowledgementError
    from pipelines.safety.acknowledgement import acknowledge as keep
    from pipelines.safety.alerts import STATUSES

    wanted = alert_id.strip().lower()
    if wanted not in {row["alert_id"] for row in _published_alerts(workspace, None, STATUSES)}:
        fail(f"There is no alert {alert_id}; `ict-trial alerts list` shows them.")
    try:
        given = keep(workspace, wanted, given_by, note, datetime.now(UTC))
    except AcknowledgementError as error:
        fail(str(error))
    click.echo(f"{given.alert_id} is acknowledged by {given.given_by}.")


def _published_alerts(workspace: Workspace, site: str | None, statuses: tuple[str, ...]) -> list[dict[str, Any]]:
    """Of the current unblinded snapshot."""
    import duckdb

    from pipelines.safety.alerts import alerts as alerts_of
    from pipelines.warehouse.database import CLOSED

    database = workspace.published / "current-unblinded.duckdb"
    if not database.exists():
        fail("Nothing has been published yet; run `ict-trial nightly` first.")
    try:
        with duckdb.connect(str(database.resolve()), read_only=True, config=dict(CLOSED)) as con:
            con.execute("SET TimeZone = 'UTC'")
            return alerts_of(con, site, statuses)
    except duckdb.CatalogException:
        fail("The snapshot is of another version of the program; the next night brings the alerts.")
