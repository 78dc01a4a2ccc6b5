"""Dagster's record files: held open through a night, whole and let go of after it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import dagster as dg
from alembic.script import ScriptDirectory
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.sql import get_alembic_config

from pipelines.assets.run_records import STAMPED, STORAGES, run_records
from pipelines.workspace import Workspace


def _run(instance: dg.DagsterInstance) -> str:
    @dg.op
    def nothing() -> None:
        """As little as a run can do."""

    @dg.job
    def night() -> None:
        nothing()

    return night.execute_in_process(instance=instance).run_id


def _events(workspace: Workspace, run_id: str) -> int:
    (file,) = workspace.dagster_home.rglob(f"{run_id}.db")
    assert not file.with_name(f"{file.name}-wal").exists(), "nobody holds the file"
    with sqlite3.connect(file) as connection:
        return int(connection.execute("SELECT count(*) FROM event_logs").fetchone()[0])


def test_each_file_stays_open_through_a_night_and_is_whole_after_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    before = [module.create_engine for module in STORAGES]
    with run_records(workspace) as instance:
        first, second = _run(instance), _run(instance)
        (open_file,) = workspace.dagster_home.rglob(f"{first}.db-wal")
        assert open_file.stat().st_size > 0, "no checkpoint while the night goes on"
        seen = len(instance.all_logs(first))
    assert [module.create_engine for module in STORAGES] == before, "nothing is left behind"
    assert _events(workspace, first) == seen > 0
    with run_records(workspace) as instance:
        assert {run.run_id for run in instance.get_runs()} == {first, second}
        assert len(instance.all_logs(second)) == seen


def test_every_file_has_the_revision_that_dagster_would_give_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    before = [module.check_alembic_revision for module in STAMPED]
    for _night in range(2):  # that makes the files, and that finds them
        with run_records(workspace) as instance:
            _run(instance)
    assert [module.check_alembic_revision for module in STAMPED] == before, "nothing is left behind"
    last = ScriptDirectory.from_config(get_alembic_config(sqlite_event_log.__file__)).get_current_head()
    files = [*workspace.dagster_home.rglob("*.db")]
    assert len(files) == 5, "of runs, of schedules, of all events, and of the events of each run"
    for file in files:
        with sqlite3.connect(file) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(last,)], file.name
