"""What looks after the runs that Dagster starts: how each ended is recorded and told, and so is one that never began.

The command line does the same for its own nights, and a timer's `ict-trial status --html` for the days on which
Dagster itself is down. Whoever comes first tells; nobody is told twice.
"""

from __future__ import annotations

import logging

import dagster as dg

from pipelines.assets.jobs import ingest_job, nightly_job
from pipelines.assets.names import INGEST
from pipelines.assets.outcome import what_went_wrong
from pipelines.night import Night, load_night
from pipelines.night_end import tell_how_it_stands
from pipelines.workspace import Workspace

EVERY_SECONDS = 1800


def watching_sensors(workspace: Workspace) -> list[dg.SensorDefinition]:
    return [_failed(workspace), _published(workspace), _missing(workspace)]


def _failed(workspace: Workspace) -> dg.SensorDefinition:
    @dg.run_failure_sensor(
        name="failed",
        monitored_jobs=[nightly_job(), ingest_job()],
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A run failed, or its process died: record why, write the status page, tell people.",
    )
    def failed(context: dg.RunFailureSensorContext) -> None:
        record_failure(workspace, context.instance, context.dagster_run)
        _tell(workspace, context.log)

    return failed


def record_failure(workspace: Workspace, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Why a run failed, on its night's record. A night that published stays published, and an ingest is no night."""
    outcome, messages = what_went_wrong(_events(instance, run.run_id))
    night = load_night(workspace, run.run_id) or _unrecorded(instance, run)
    if run.job_name == INGEST:
        outcome = "ingested"
    elif night.outcome == "published":
        outcome, messages = "published", [message.replace("Not published", "After publishing") for message in messages]
    if night.outcome in ("running", "ingested", "published") and not night.messages:
        night.finish(workspace, outcome, messages)


def _events(instance: dg.DagsterInstance, run_id: str) -> list[dg.DagsterEvent]:
    return [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event is not None]


def _unrecorded(instance: dg.DagsterInstance, run: dg.DagsterRun) -> Night:
    """A night that died before it wrote anything."""
    record = instance.get_run_record_by_id(run.run_id)
    begun = record.create_timestamp if record is not None else None
    started = begun.isoformat(timespec="seconds") if begun is not None else ""
    return Night(run.run_id, started, started[:10], [])


def _published(workspace: Workspace) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        name="published",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[nightly_job()],
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="A night is over: write the status page, tell those who want to know.",
    )
    def published(context: dg.RunStatusSensorContext) -> None:
        _tell(workspace, context.log)

    return published


def _missing(workspace: Workspace) -> dg.SensorDefinition:
    @dg.sensor(
        name="night_missing",
        target=None,
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Every half hour: write the status page, and tell people when no night began in 26 hours.",
    )
    def night_missing(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        _tell(workspace, context.log)
        return dg.SkipReason("The status page is written.")

    return night_missing


def _tell(workspace: Workspace, log: logging.Logger) -> None:
    for message in tell_how_it_stands(workspace):
        log.warning(message)
