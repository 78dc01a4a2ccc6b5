"""Run the nightly job in this process, as the command line does."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date

import dagster as dg
from filelock import Timeout

from pipelines.assets.code_location import definitions_of
from pipelines.assets.jobs import every_site
from pipelines.assets.names import NIGHTLY
from pipelines.assets.outcome import what_went_wrong
from pipelines.assets.run_records import BY_COMMAND_LINE, close_interrupted_runs, run_records
from pipelines.assets.tables import STEP as TABLES
from pipelines.lock import run_lock, sites_locked
from pipelines.night import Night, load_night
from pipelines.quality.engine import ENGINE
from pipelines.refuse import all_is_loaded
from pipelines.report.board.pdf import DRAWER
from pipelines.study.load import Protocol
from pipelines.warehouse.kept import begin_to_reopen
from pipelines.workspace import Workspace


class Busy(Exception):  # noqa: N818 (a state, not a fault)
    """Another run holds the workspace."""


def run_nightly(
    workspace: Workspace,
    day: date,
    sites: list[str],
    settle_seconds: int | None,
    full: bool,
    say: Callable[[str], None],
) -> Night:
    """One whole night over all sites; `sites` limits which of them take in new drops.

    Raises Busy when another run holds the workspace.
    """
    protocol = workspace.protocol()
    may_draw = DRAWER.may_load() if workspace.deployment().report_pdf else nullcontext()
    with _held(workspace, protocol), ENGINE.may_load(), may_draw:
        begin_to_reopen(workspace)
        run_id = str(uuid.uuid4())
        asked = {"root": str(workspace.root), "as_of": day.isoformat(), "sites": sites or None, "full": full}
        with run_records(workspace) as instance:
            close_interrupted_runs(workspace, instance)
            instance.add_event_listener(run_id, lambda entry: _tell(entry, say))
            job = definitions_of(workspace).resolve_job_def(NIGHTLY)
            all_is_loaded()
            result = job.execute_in_process(
                instance=instance,
                run_id=run_id,
                raise_on_error=False,
                tags=every_site(protocol.study) | BY_COMMAND_LINE,
                run_config={
                    "resources": {"night": {"config": {**asked, "settle_seconds": settle_seconds}}},
                    "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                },
            )
        night = load_night(workspace, run_id) or Night(run_id, "", day.isoformat(), sites)
        if not result.success:
            outcome, messages = what_went_wrong(result.all_events)
            night.finish(workspace, outcome, messages)
        return night


def close_interrupted_nights(workspace: Workspace) -> None:
    """Before the UI opens: what a killed night left unfinished would keep every queued run waiting."""
    try:
        with _held(workspace, workspace.protocol()), run_records(workspace) as instance:
            close_interrupted_runs(workspace, instance)
    except Busy:
        return


@contextmanager
def _held(workspace: Workspace, protocol: Protocol) -> Iterator[None]:
    """Hold all that a night holds. Raises Busy where somebody else holds any of it."""
    try:
        with (
            run_lock(workspace).acquire(timeout=0),
            sites_locked(workspace, [site.site for site in protocol.study.sites], timeout=0),
        ):
            yield
    except Timeout:
        raise Busy from None


def _tell(entry: dg.EventLogEntry, say: Callable[[str], None]) -> None:
    event = entry.dagster_event
    if event is None:
        return
    if event.event_type is dg.DagsterEventType.STEP_START:
        say((event.step_key or "").replace("__", "."))
    elif event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION and event.step_key == TABLES:
        say(".".join(event.asset_key.path) if event.asset_key else TABLES)
