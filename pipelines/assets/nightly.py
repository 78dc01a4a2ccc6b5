"""Run the nightly job in this process, as the command line does."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import dagster as dg
from filelock import Timeout

from pipelines.assets.code_location import definitions_of
from pipelines.assets.jobs import NIGHTLY, every_site
from pipelines.assets.run_records import BY_COMMAND_LINE, close_interrupted_runs, run_records
from pipelines.lock import run_lock
from pipelines.night import Night, Outcome, load_night
from pipelines.quality.engine import engine_ahead
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
    with _held(workspace), engine_ahead():
        protocol = workspace.protocol()
        run_id = str(uuid.uuid4())
        asked = {"root": str(workspace.root), "as_of": day.isoformat(), "sites": sites or None, "full": full}
        with run_records(workspace) as instance:
            close_interrupted_runs(workspace, instance)
            instance.add_event_listener(run_id, lambda entry: _tell(entry, say))
            result = (
                definitions_of(workspace)
                .resolve_job_def(NIGHTLY)
                .execute_in_process(
                    instance=instance,
                    run_id=run_id,
                    raise_on_error=False,
                    tags=every_site(protocol.study) | BY_COMMAND_LINE,
                    run_config={
                        "resources": {"night": {"config": {**asked, "settle_seconds": settle_seconds}}},
                        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                    },
                )
            )
        night = load_night(workspace, run_id) or Night(run_id, "", day.isoformat(), sites)
        if not result.success:
            outcome, messages = _what_went_wrong(result)
            night.finish(workspace, outcome, messages)
        return night


def close_interrupted_nights(workspace: Workspace) -> None:
    """Before the UI opens: what a killed night left unfinished would keep every queued run waiting."""
    try:
        with _held(workspace), run_records(workspace) as instance:
            close_interrupted_runs(workspace, instance)
    except Busy:
        return


@contextmanager
def _held(workspace: Workspace) -> Iterator[None]:
    lock = run_lock(workspace)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Busy from None
    try:
        yield
    finally:
        lock.release()


def _tell(entry: dg.EventLogEntry, say: Callable[[str], None]) -> None:
    event = entry.dagster_event
    if event is not None and event.event_type is dg.DagsterEventType.STEP_START:
        say((event.step_key or "").replace("__", "."))


def _what_went_wrong(result: dg.ExecuteInProcessResult) -> tuple[Outcome, list[str]]:
    """Held back when a blocking check failed, else failed; with a sentence for each cause."""
    failed_checks = [
        evaluation
        for event in result.get_asset_check_evaluations()
        if (evaluation := event) and not evaluation.passed and evaluation.blocking
    ]
    if failed_checks:
        return "held_back", [
            f"Not published: the check `{c.check_name}` of {c.asset_key.to_user_string()} failed. "
            f"{c.description or ''}".strip()
            for c in failed_checks
        ]
    failures = [e for e in result.all_events if e.event_type is dg.DagsterEventType.STEP_FAILURE]
    return "failed", [f"Not published: {e.step_key}: {_cause(e)}" for e in failures] or ["Not published."]


def _cause(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return data.user_failure_data.description
    return data.error.cls_name or "failed" if data.error else "failed"
