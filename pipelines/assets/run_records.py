"""Dagster's own records of runs, kept in SQLite files under DAGSTER_HOME."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from sqlalchemy import event
from sqlalchemy.engine import Engine

from pipelines import effects
from pipelines.night import load_night
from pipelines.workspace import Workspace

BY_COMMAND_LINE = {"ict_trial/started_by": "command_line"}
UNFINISHED = [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]


DAGSTER_SETTINGS = """\
# Settings of the orchestrator; written where there are none.
telemetry: {enabled: false}
nux: {enabled: false}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {max_concurrent_runs: 1}
run_monitoring: {enabled: true, start_timeout_seconds: 300, max_runtime_seconds: 21600}
"""


@contextmanager
def run_records(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """Dagster's records of this workspace's runs, made where there are none: losing them loses the history only."""
    settings = workspace.dagster_home / "dagster.yaml"
    if not settings.exists():
        effects.make_directory(workspace.dagster_home)
        effects.write(settings, DAGSTER_SETTINGS.encode())
    os.environ["DAGSTER_HOME"] = str(workspace.dagster_home)
    with written_without_waiting(), dg.DagsterInstance.from_config(str(workspace.dagster_home)) as instance:
        yield instance


def close_interrupted_runs(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    """Record as failed what an earlier command line began and never ended; queued runs wait for it otherwise.

    Only for whoever holds the run lock: a run of the command line that is alive would be holding it.
    """
    for run in instance.get_runs(filters=dg.RunsFilter(tags=BY_COMMAND_LINE, statuses=UNFINISHED)):
        instance.report_run_failed(run, "The process ended before the run did.")
        night = load_night(workspace, run.run_id)
        if night is not None and night.outcome == "running":
            night.finish(workspace, "failed", ["Not published: the night was interrupted; the next one makes it good."])


@contextmanager
def written_without_waiting() -> Iterator[None]:
    """Within the block SQLite waits for the disk at its checkpoints, not at every event; its files stay consistent.

    Dagster opens and closes a file for each of a night's nine hundred events, and the last to close a file waits
    for a checkpoint; waiting made up a quarter of a night. So one connection to each is held open until the
    end. A crash of the program loses nothing, and a power cut at most the history of the last runs, on which
    nothing derived depends.
    """
    held: dict[str, sqlite3.Connection] = {}

    def connected(connection: Any, _record: Any) -> None:
        if type(connection).__module__ == "sqlite3":
            connection.execute("PRAGMA synchronous = NORMAL")
            _hold(connection, held)

    event.listen(Engine, "connect", connected)
    try:
        yield
    finally:
        event.remove(Engine, "connect", connected)
        for connection in held.values():
            connection.close()


def _hold(connection: sqlite3.Connection, held: dict[str, sqlite3.Connection]) -> None:
    file = connection.execute("PRAGMA database_list").fetchone()[2]
    if file and file not in held:
        held[file] = sqlite3.connect(file, check_same_thread=False)
        held[file].execute("PRAGMA schema_version").fetchone()
