"""`ict-trial`: what people type. Each command imports what it needs, so that help comes at once."""

from __future__ import annotations

import atexit
import os
import sys
from contextlib import nullcontext
from datetime import UTC, date, datetime
from pathlib import Path

import click

from pipelines.commands.alerts import alerts
from pipelines.commands.board import board
from pipelines.commands.common import BUSY, FAILED, HELD_BACK, deployment_of, fail, protocol_of, with_workspace
from pipelines.commands.compare_scoring import compare_scoring
from pipelines.commands.deliveries import deliveries
from pipelines.commands.map import propose_mapping
from pipelines.commands.queries import queries
from pipelines.commands.report import report
from pipelines.commands.trace import trace
from pipelines.commands.try_notices import try_notices
from pipelines.commands.verify import verify
from pipelines.refuse import seldom_looked_for
from pipelines.workspace import Workspace


def main() -> None:
    """The entry point: private files unless said otherwise, no telemetry, short errors."""
    os.umask(0o077)
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "yes")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # it would look for some in every installed package
    try:
        try:
            cli(prog_name="ict-trial")
        except SystemExit as end:
            _leave(end)
    except OSError as error:
        place = f" {error.filename}" if error.filename else ""
        click.echo(f"Something could not be read or written{place}: {error.strerror}", err=True)
        os._exit(FAILED)


def _leave(end: SystemExit) -> None:
    """End at once: taking apart what a night has loaded, object by object, takes Python a second, and the system none.

    What was registered for the end of the process is done; every file is closed by now.
    """
    if isinstance(end.code, str):
        raise end
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(end.code or 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ict-trial")
def cli() -> None:
    """The data pipeline for multi-site trials of internet-delivered cognitive therapy."""


@cli.command()
@with_workspace(must_exist=False)
@click.option("--study", default="ict_sad", show_default=True, help="A study file, or a built-in study's name.")
def init(workspace: Workspace, study: str) -> None:
    """Make a workspace for a study."""
    from pipelines.study.load import built_in_studies
    from pipelines.study.yaml_file import InvalidFileError
    from pipelines.trial_folder import make_trial_folder

    known = built_in_studies()
    study_file = known.get(study, Path(study))
    if not study_file.is_file():
        fail(f"There is no study file {study}, and the built-in studies are {', '.join(known)}.")
    try:
        protocol = make_trial_folder(workspace, study_file)
    except (InvalidFileError, FileExistsError) as error:
        fail(str(error))
    from pipelines.assets.run_records import run_records

    with run_records(workspace):
        pass  # its files are made now, not in the first night
    click.echo(f"{workspace.root} is ready for {protocol.study.title}.")
    click.echo(f"Sites drop files in {workspace.landing}/<site>/<feed>/; `ict-trial nightly` takes them in.")


@cli.command("check-study")
@with_workspace(must_exist=False)
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check_study(workspace: Workspace, file: Path | None) -> None:
    """Say what is wrong in a study file, by line; and in the workspace's deployment.yaml, where there is one."""
    from pipelines.study.load import load_protocol
    from pipelines.study.yaml_file import InvalidFileError

    path = file or workspace.study_file
    try:
        protocol = load_protocol(path)
        if file is None:
            workspace.deployment()
    except InvalidFileError as error:
        fail(str(error))
    study = protocol.study
    counts = f"{len(study.sites)} sites, {len(study.visits)} visits, {len(study.instruments)} instruments"
    click.echo(f"{path}: nothing wrong ({study.study}: {counts}).")


@cli.command()
@with_workspace()
@click.option("--participants", type=click.IntRange(1), default=180, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--faults", is_flag=True, help="With the mistakes that real sites make.")
def simulate(workspace: Workspace, participants: int, seed: int, faults: bool) -> None:
    """Fill landing/ with a synthetic trial, and write what is true beside it."""
    from pipelines.simulate import SimulationError
    from pipelines.simulate import simulate as simulate_trial

    try:
        truth = simulate_trial(workspace, protocol_of(workspace), participants=participants, seed=seed, faults=faults)
    except SimulationError as error:
        fail(str(error))
    click.echo(f"{participants} simulated participants lie in {workspace.landing}; the truth is in {truth}.")


@cli.command()
@with_workspace()
@click.option("--site", "sites", multiple=True, help="Take in new drops of this site only; may be repeated.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day that counts as today (default: today, UTC).")
@click.option("--settle", type=click.IntRange(0), help="Seconds a file must have stood still (default: study file).")
@click.option(
    "--full",
    is_flag=True,
    help="Read every stored original again and make every table anew, instead of what is kept of them.",
)
@seldom_looked_for()
def nightly(
    workspace: Workspace, sites: tuple[str, ...], as_of: datetime | None, settle: int | None, full: bool
) -> None:
    """Take in what sites dropped, derive every table, publish a snapshot."""
    protocol = protocol_of(workspace)
    deployment_of(workspace)
    unknown = sorted(set(sites) - set(protocol.study.site_by_id))
    if unknown:
        fail(f"No site {', '.join(unknown)}; the sites are {', '.join(protocol.study.site_by_id)}.")
    from pipelines.landing.receipt import load_receipts
    from pipelines.landing.receive import news
    from pipelines.progress import Progress
    from pipelines.study.load import by_one_protocol
    from pipelines.validation.isolation import reading
    from pipelines.warehouse.fresh_process import begun_ahead

    one_protocol = by_one_protocol(workspace.study_file, protocol)
    sizes = [file.bytes for file in news(workspace, protocol.study, settle)]
    if full:
        sizes += [receipt.bytes for receipt in load_receipts(workspace.receipts)]
    # Where there is nothing to read, memory and a core are free for those who will write what is published.
    writers = nullcontext() if sizes else begun_ahead(workspace.spill, n=2)
    with one_protocol, Progress() as progress, reading(ahead=sizes), writers:
        progress.say("Starting")
        from pipelines.assets.nightly import Busy, run_nightly

        day: date = as_of.date() if as_of else datetime.now(UTC).date()
        try:
            night = run_nightly(workspace, day, list(sites), settle, full, progress.say)
        except Busy:
            fail(f"Another run holds {workspace.root}; wait for it to end.", BUSY)
        from pipelines.night_end import tell_how_it_stands

        untold = tell_how_it_stands(workspace)
    for message in (*night.messages, *untold):
        click.echo(message, err=True)
    if night.outcome != "published":
        sys.exit(HELD_BACK if night.outcome == "held_back" else FAILED)
    click.echo(f"Snapshot {night.snapshot_id} is published.")
    click.echo(f"  blinded    {workspace.published / 'current.duckdb'}")
    click.echo(f"  unblinded  {workspace.published / 'current-unblinded.duckdb'}")
    click.echo(f"  report     {workspace.reports / 'latest' / 'open.html'}")


@cli.command()
@with_workspace()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option(
    "--html", is_flag=True, help="Write reports/latest/status.html and send what notices are due; for a timer."
)
def status(workspace: Workspace, as_json: bool, html: bool) -> None:
    """What came in, what was refused and why, and what each site still owes."""
    import json

    from pipelines import status as screen

    if html:
        from pipelines.night_end import tell_how_it_stands

        for message in tell_how_it_stands(workspace):
            click.echo(message, err=True)
        click.echo(workspace.reports / "latest" / "status.html")
        return
    state = screen.status(workspace)
    if as_json:
        click.echo(json.dumps(state, ensure_ascii=False, indent=1))
        return
    from rich.console import Console

    screen.render_status(state, Console())


@cli.command()
@with_workspace()
@click.argument("sql")
@click.option("--unblinded", is_flag=True, help="The unblinded file instead of the blinded one.")
@click.option("--snapshot", help="An earlier snapshot's id (default: the current one).")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    default="table",
    show_default=True,
)
def query(workspace: Workspace, sql: str, unblinded: bool, snapshot: str | None, form: str) -> None:
    """Ask a published snapshot; nothing can be changed."""
    from pipelines.warehouse.query import QueryError, render
    from pipelines.warehouse.query import query as ask

    try:
        content = render(ask(workspace, sql, unblinded=unblinded, snapshot=snapshot), form)
    except QueryError as error:
        fail(str(error))
    sys.stdout.buffer.write(content)


@cli.command()
@with_workspace()
def snapshots(workspace: Workspace) -> None:
    """List the published snapshots, newest first."""
    from pipelines.warehouse.published import list_snapshots
    from pipelines.warehouse.render import Answer, render

    rows = [(s.snapshot_id, s.as_of, s.built_at, "current" if s.current else "") for s in list_snapshots(workspace)]
    if not rows:
        click.echo("Nothing has been published yet; run `ict-trial nightly` first.")
        return
    names = ["snapshot", "as_of", "built_at", ""]
    sys.stdout.buffer.write(render(Answer(names, ["VARCHAR"] * len(names), rows), "table"))


@cli.command()
@with_workspace()
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
def up(workspace: Workspace, port: int) -> None:
    """Open the Dagster UI, with schedules and sensors, on this workspace (this machine only)."""
    study = protocol_of(workspace).study.study
    from pipelines import effects
    from pipelines.assets.nightly import close_interrupted_nights

    close_interrupted_nights(workspace)
    shown = effects.make_directory(workspace.dagster_home) / "up.yaml"
    module = f'{{module_name: pipelines.definitions, location_name: "{study}"}}'  # the trial's name stands in the UI
    effects.write(shown, f"load_from: [{{python_module: {module}}}]\n".encode())
    os.environ["DAGSTER_HOME"] = str(workspace.dagster_home)
    os.environ["ICT_TRIAL_WORKSPACE"] = str(workspace.root)
    os.environ["PYTHONSAFEPATH"] = "1"  # a file in the folder where it is called must not stand for a library
    click.echo(f"http://127.0.0.1:{port} shows {workspace.root}; Ctrl-C ends it.")
    command = ["dagster", "dev", "-w", str(shown), "-h", "127.0.0.1", "-p", str(port)]
    os.execv(Path(sys.executable).with_name("dagster"), command)  # noqa: S606 (fixed words, no shell)


cli.add_command(alerts)
cli.add_command(board)
cli.add_command(compare_scoring)
cli.add_command(deliveries)
cli.add_command(queries)
cli.add_command(report)
cli.add_command(trace)
cli.add_command(try_notices)
cli.add_command(verify)
cli.add_command(propose_mapping)
