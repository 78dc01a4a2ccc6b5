"""The event log of a night: to the row what Dagster itself would have written, and there for others at once."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.event_api import EventLogRecord
from dagster._serdes import deserialize_value, serialize_value

from pipelines.assets.event_log import NightEventLog
from pipelines.assets.run_records import run_records
from pipelines.workspace import Workspace

WARN = dg.AssetCheckSeverity.WARN
SITES = dg.StaticPartitionsDefinition(["north", "south"])
# An instant differs from run to run, but not how it is written.
WHAT_IS_STORED = {
    "event_logs": "id, dagster_event_type, typeof(timestamp), length(timestamp), step_key, asset_key, partition",
    "asset_keys": "id, asset_key, last_materialization IS NULL, length(last_materialization_timestamp), "
    "last_run_id IS NULL, json_extract(last_materialization, '$.storage_id'), wipe_timestamp, cached_status_data",
    "asset_event_tags": "id, event_id, asset_key, key, length(event_timestamp)",
    "asset_check_executions": "id, asset_key, check_name, partition, execution_status, evaluation_event_storage_id, "
    "materialization_event_storage_id, length(evaluation_event_timestamp), "
    "json_extract(evaluation_event, '$.dagster_event.event_type_value')",
}


def _job(seen: list[int] | None = None) -> dg.JobDefinition:
    """Deliveries of two sites, two tables in one step with a check each, of which one fails without blocking."""

    @dg.asset(partitions_def=SITES, backfill_policy=dg.BackfillPolicy.single_run())
    def rows() -> None:
        """Two materialisations in one step."""

    @dg.multi_asset(
        specs=[dg.AssetSpec("first", deps=["rows"]), dg.AssetSpec("second", deps=["first"])],
        check_specs=[dg.AssetCheckSpec("fits", asset="first"), dg.AssetCheckSpec("fits", asset="second")],
    )
    def tables() -> Iterator[dg.MaterializeResult[None]]:
        for name, passed in (("first", True), ("second", False)):
            check = dg.AssetCheckResult(asset_key=name, check_name="fits", passed=passed, severity=WARN)
            yield dg.MaterializeResult(asset_key=name, metadata={"dagster/row_count": 3}, check_results=[check])
            if seen is not None:
                (file,) = Path(os.environ["DAGSTER_HOME"]).rglob("index.db")
                (stored,) = _stored(file, "event_logs", "count(*)", "dagster_event_type = 'ASSET_MATERIALIZATION'")
                seen.append(stored[0])

    job = dg.define_asset_job("night", selection="*", executor_def=dg.in_process_executor)
    return dg.Definitions(assets=[rows, tables], jobs=[job]).resolve_job_def("night")


def _run(job: dg.JobDefinition, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    ends = {f"dagster/asset_partition_range_{end}": site for end, site in (("start", "north"), ("end", "south"))}
    return job.execute_in_process(instance=instance, tags=ends)


def _stored(file: Path, table: str, columns: str, condition: str = "true") -> list[tuple[Any, ...]]:
    with sqlite3.connect(file) as con:
        return con.execute(f"SELECT {columns} FROM {table} WHERE {condition} ORDER BY id").fetchall()


def _rows(home: Path, run_id: str) -> dict[str, list[tuple[Any, ...]]]:
    index, run = (next(home.rglob(name)) for name in ("index.db", f"{run_id}.db"))
    found = {table: _stored(index, table, columns) for table, columns in WHAT_IS_STORED.items()}
    return found | {"of the run": _stored(run, "event_logs", WHAT_IS_STORED["event_logs"])}


def _pointers(instance: dg.DagsterInstance, name: str) -> dict[str, str]:
    """Which events of its inputs a table's materialisation says that it was made of."""
    event = instance.get_latest_materialization_event(dg.AssetKey(name))
    assert event is not None and event.asset_materialization is not None
    tags = event.asset_materialization.tags or {}
    return {key: value for key, value in tags.items() if key.startswith("dagster/input_event_pointer")}


@pytest.mark.parametrize("n_nights", [1, 2])
def test_the_same_rows_as_dagster_itself_writes(tmp_path: Path, n_nights: int) -> None:
    plain_home, workspace = tmp_path / "plain", Workspace(tmp_path / "trial")
    plain_home.mkdir()
    with dg.DagsterInstance.from_config(str(plain_home)) as plain:
        for _ in range(n_nights):
            run = _run(_job(), plain).run_id
        expected, pointers = _rows(plain_home, run), [_pointers(plain, name) for name in ("first", "second")]
    with run_records(workspace) as ours:
        assert isinstance(ours.event_log_storage, NightEventLog)
        for _ in range(n_nights):
            run = _run(_job(), ours).run_id
        assert [_pointers(ours, name) for name in ("first", "second")] == pointers
    assert _rows(workspace.dagster_home, run) == expected
    (index,) = workspace.dagster_home.rglob("index.db")
    for (record,) in _stored(index, "asset_keys", "last_materialization"):
        assert serialize_value(deserialize_value(record, EventLogRecord)) == record
    assert len(expected["of the run"]) > 20 and all(expected.values())


def test_whoever_looks_in_the_middle_of_a_step_sees_what_it_has_made(tmp_path: Path) -> None:
    seen: list[int] = []
    with run_records(Workspace(tmp_path / "trial")) as instance:
        assert _run(_job(seen), instance).success
    assert seen == [3, 4], "two sites' rows and the first table; then the second too"


def test_another_process_may_write_while_a_night_goes_on(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "trial")
    with run_records(workspace) as instance:
        _run(_job(), instance)
        (index,) = workspace.dagster_home.rglob("index.db")
        with sqlite3.connect(index, timeout=0) as con:
            con.execute("UPDATE asset_keys SET tags = '{}'")
        _run(_job(), instance)


def _made_of(home: Path, run_id: str) -> tuple[Any, ...]:
    """All that there is in a run's file but the events."""
    (file,) = home.rglob(f"{run_id}.db")
    with sqlite3.connect(file) as con:
        made = con.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
        return (
            made,
            con.execute("SELECT * FROM alembic_version").fetchall(),
            con.execute("PRAGMA journal_mode").fetchall(),
        )


def test_a_file_of_a_run_is_what_dagster_itself_makes(tmp_path: Path) -> None:
    plain_home, workspace = tmp_path / "plain", Workspace(tmp_path / "trial")
    plain_home.mkdir()
    with dg.DagsterInstance.from_config(str(plain_home)) as plain:
        expected = _made_of(plain_home, _run(_job(), plain).run_id)
    with run_records(workspace) as ours:
        assert _made_of(workspace.dagster_home, _run(_job(), ours).run_id) == expected
