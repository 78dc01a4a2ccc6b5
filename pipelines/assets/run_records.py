"""Dagster's own records of runs, kept in SQLite files under DAGSTER_HOME."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from pipelines import effects
from pipelines.assets.asked_once import asked_once
from pipelines.assets.event_log import AT_ONCE, NightEventLog
from pipelines.assets.put_off import Later
from pipelines.assets.storages import (
    check_alembic_revision,
    get_alembic_config,
    sqlite_event_log,
    sqlite_run_storage,
    sqlite_schedule_storage,
    sqlite_storage,
)
from pipelines.night import load_night
from pipelines.workspace import Workspace

# Whoever typed a command tries it again; Dagster cannot.
OURS = {"ict_trial/started_by": "command_line"}
BY_COMMAND_LINE = {**OURS, "dagster/max_retries": "0"}
STORAGES = (sqlite_event_log, sqlite_run_storage)
STAMPED = (*STORAGES, sqlite_schedule_storage)
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
# A run whose process died is begun once more; one that failed is not: its steps try again what may pass.
run_retries: {enabled: true, max_retries: 1, retry_on_asset_or_op_failure: false}
freshness: {enabled: true}
retention:
  schedule: {purge_after_days: 90}
  sensor: {purge_after_days: {skipped: 2, failure: 30, success: 30}}
"""


@contextmanager
def run_records(workspace: Workspace) -> Iterator[dg.DagsterInstance]:
    """Dagster's records of this workspace's runs, made where there are none: losing them loses the history only."""
    settings = workspace.dagster_home / "dagster.yaml"
    if not settings.exists():
        effects.make_directory(workspace.dagster_home)
        effects.write(settings, DAGSTER_SETTINGS.encode())
    os.environ["DAGSTER_HOME"] = str(workspace.dagster_home)
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = str(AT_ONCE)
    with (
        asked_once(),
        written_without_waiting(),
        dg.DagsterInstance.from_config(str(workspace.dagster_home)) as instance,
    ):
        yield instance


def close_interrupted_runs(workspace: Workspace, instance: dg.DagsterInstance) -> None:
    """Record as failed what an earlier command line began and never ended; queued runs wait for it otherwise.

    Only for whoever holds the run lock: a run of the command line that is alive would be holding it.
    """
    for run in instance.get_runs(filters=dg.RunsFilter(tags=OURS, statuses=UNFINISHED)):
        instance.report_run_failed(run, "The process ended before the run did.")
        night = load_night(workspace, run.run_id)
        if night is not None and night.outcome == "running":
            night.finish(workspace, "failed", ["Not published: the night was interrupted; the next one makes it good."])


@contextmanager
def written_without_waiting() -> Iterator[None]:
    """Within the block one connection to each of Dagster's SQLite files stays open, and SQLite waits for the disk
    at its checkpoints, not at every event; the files stay consistent.

    Dagster makes an engine and opens a file anew for each of a night's two thousand statements, and the last to
    close a file waits for a checkpoint: that made up a third of a night. A crash of the program loses nothing, and
    a power cut at most the history of the last runs, on which nothing derived depends. Nor are all of Dagster's
    migrations loaded for each file, to compare it with the last of them: a night asks only whether a file is new.
    """
    engines: dict[str, Engine] = {}

    def kept(url: str, **given: Any) -> Engine:
        if url not in engines:
            engines[url] = _kept_open(create_engine(url, **given | {"poolclass": QueuePool}))
        return engines[url]

    for module in STORAGES:
        module.create_engine = kept  # type: ignore[attr-defined]
    for module in STAMPED:
        module.check_alembic_revision = _stamped  # type: ignore[attr-defined]
        module.get_alembic_config = _settings_later  # type: ignore[attr-defined]
    plain = sqlite_storage.SqliteEventLogStorage  # type: ignore[attr-defined]
    sqlite_storage.SqliteEventLogStorage = NightEventLog  # type: ignore[attr-defined]
    try:
        yield
    finally:
        sqlite_storage.SqliteEventLogStorage = plain  # type: ignore[attr-defined]
        for module in STORAGES:
            module.create_engine = create_engine  # type: ignore[attr-defined]
        for module in STAMPED:
            module.check_alembic_revision = check_alembic_revision  # type: ignore[attr-defined]
            module.get_alembic_config = get_alembic_config  # type: ignore[attr-defined]
        for engine in engines.values():
            Engine.dispose(engine)


def _settings_later(*given: Any) -> Later:
    """Alembic's settings, for which it is loaded, where a file is new."""
    return Later(lambda: get_alembic_config(*given))


def _stamped(_config: Any, con: Connection) -> tuple[str | None, str | None]:
    """In place of the file's revision and Dagster's last: the file's as both, None where it is new."""
    stamped = con.exec_driver_sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").first()
    found = con.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() if stamped else None
    return found, found


def _kept_open(engine: Engine) -> Engine:
    """The engine, whose connections stay open when its user disposes of it."""
    event.listen(engine, "connect", _wait_at_checkpoints)
    engine.dispose = lambda close=True: None  # type: ignore[method-assign]
    return engine


def _wait_at_checkpoints(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous = NORMAL")
