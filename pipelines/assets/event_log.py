"""Dagster's event log as a night writes it: the same rows in the same files, with less ado.

For every event Dagster opens each file anew, asks it which tables and columns it has, writes the event out twice over,
and for the next one reads back what it has just written. A night has a thousand events, and none of that changes
within it. Here the statements of the usual kinds of event are written down; all others are left to Dagster.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationPlanned
from dagster._core.event_api import EventLogRecord
from sqlalchemy import Connection

from pipelines.assets.event_text import text_of
from pipelines.assets.storages import AssetEntry, AssetRecord, sqlite_event_log

AT_ONCE = 1000  # events that are stored in one transaction, where Dagster knows them together
TIMEOUT = {"timeout": 30}  # seconds that SQLite waits for another writer


OF_THE_RUN_ALONE = (
    dg.DagsterEventType.STEP_START,
    dg.DagsterEventType.STEP_OUTPUT,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.LOGS_CAPTURED,
)

# Dagster's own columns.
EVENT = """
    INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition)
    VALUES (:run_id, :event, :dagster_event_type, :timestamp, :step_key, :asset_key, :partition)
"""
TAG = """
    INSERT INTO asset_event_tags (event_id, asset_key, key, value, event_timestamp)
    VALUES (:id, :asset_key, :tag, :value, :timestamp)
"""
ASSET_PLANNED = """
    INSERT INTO asset_keys (asset_key, last_run_id, last_materialization_timestamp)
    VALUES (:asset_key, :run_id, :timestamp)
    ON CONFLICT (asset_key) DO UPDATE SET last_run_id = excluded.last_run_id,
        last_materialization_timestamp = excluded.last_materialization_timestamp
"""
ASSET_MADE = """
    INSERT INTO asset_keys (asset_key, last_materialization, last_run_id, last_materialization_timestamp)
    VALUES (:asset_key, :record, :run_id, :timestamp)
    ON CONFLICT (asset_key) DO UPDATE SET last_materialization = excluded.last_materialization,
        last_run_id = excluded.last_run_id, last_materialization_timestamp = excluded.last_materialization_timestamp
"""
CHECK_PLANNED = """
    INSERT INTO asset_check_executions (asset_key, check_name, run_id, execution_status, evaluation_event,
        evaluation_event_timestamp, evaluation_event_storage_id)
    VALUES (:asset_key, :check, :run_id, 'PLANNED', :event, :timestamp, :id)
"""
CHECK_DONE = """
    UPDATE asset_check_executions SET execution_status = :status, evaluation_event = :event,
        evaluation_event_timestamp = :timestamp, evaluation_event_storage_id = :id,
        materialization_event_storage_id = :made
    WHERE asset_key = :asset_key AND check_name = :check AND run_id = :run_id AND partition IS :partition
"""
RECORD = '{"__class__": "EventLogRecord", "event_log_entry": %s, "storage_id": %d}'


class NightEventLog(sqlite_event_log.SqliteEventLogStorage):
    """One connection a file, one transaction for events that come together; what was made is remembered."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._held: dict[str, Connection] = {}
        self._there: set[tuple[str, str]] = set()
        self._waiting: list[dg.EventLogEntry] = []
        self._made: dict[dg.AssetKey, AssetRecord] = {}
        super().__init__(base_dir, inst_data)
        self._db_lock = threading.RLock()  # type: ignore[assignment] # a transaction has others within it

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            con = self._held.get(shard) or self._hold(shard)
            if con.in_transaction():
                yield con
            else:
                with con.begin():
                    yield con

    def _hold(self, shard: str) -> Connection:
        create_engine = sqlite_event_log.create_engine  # type: ignore[attr-defined] # what `run_records` puts there
        is_new = not Path(self.path_for_shard(shard)).exists()
        engine = create_engine(self.conn_string_for_shard(shard), connect_args=TIMEOUT)
        con = engine.connect()
        if is_new:
            _driver(con).executescript(_like(Path(self.path_for_shard(sqlite_event_log.INDEX_SHARD_NAME))))
        elif shard not in self._initialized_dbs:
            self._initdb(engine)
        self._initialized_dbs.add(shard)
        self._held[shard] = con
        return con

    def store_event(self, event: dg.EventLogEntry) -> None:
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """An output is stored with the event that follows it at once: of what was put out, or that the step is done."""
        with self._db_lock:
            self._waiting += events
            last = events[-1].dagster_event
            if last is None or last.event_type is not dg.DagsterEventType.STEP_OUTPUT:
                self._store_waiting()

    def _store_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for run, events in groupby(waiting, key=lambda event: event.run_id):
            with self.run_connection(run) as of_run, self.index_connection() as of_all:
                for event in events:
                    self._store(event, of_run, of_all)

    def _store(self, event: dg.EventLogEntry, of_run: Connection, of_all: Connection) -> None:
        mirror = MIRRORS.get(event.dagster_event.event_type) if event.dagster_event else _nowhere
        if mirror is None:
            super().store_event(event)
            return
        row = self._row(event)
        _driver(of_run).execute(EVENT, row)
        mirror(self, _driver(of_all), event, row)

    def _row(self, event: dg.EventLogEntry) -> dict[str, Any]:
        """What `_event_to_row` makes of an event of the usual kinds, or of a message without one."""
        row: dict[str, Any] = {"run_id": event.run_id, "event": text_of(event), "step_key": event.step_key}
        row["timestamp"] = self._event_insert_timestamp(event).isoformat(" ", "microseconds")  # as SQLAlchemy has it
        row |= dict.fromkeys(("dagster_event_type", "asset_key", "partition"))
        of_dagster = event.dagster_event
        if of_dagster is not None:
            key = of_dagster.asset_key
            row |= {"dagster_event_type": of_dagster.event_type_value, "step_key": of_dagster.step_key}
            row |= {"asset_key": key and key.to_string(), "partition": of_dagster.partition or None}
        return row

    def mirror_asset(self, con: sqlite3.Connection, event: dg.EventLogEntry, row: dict[str, Any]) -> None:
        """Of a table that is planned or made: the event, its tags, and the last of the table."""
        row["id"] = con.execute(EVENT, row).lastrowid
        if event.dagster_event is None or not event.dagster_event.is_step_materialization:
            con.execute(ASSET_PLANNED, row)
            return
        for tag, value in self._tags_for_asset_event(event).items():
            con.execute(TAG, row | {"tag": tag, "value": value})
        con.execute(ASSET_MADE, row | {"record": RECORD % (row["event"], row["id"])})
        key = event.dagster_event.asset_key
        assert key is not None
        made = EventLogRecord(storage_id=row["id"], event_log_entry=event)
        entry = AssetEntry(asset_key=key, last_materialization_record=made, last_run_id=event.run_id)
        self._made[key] = AssetRecord(storage_id=row["id"], asset_entry=entry)

    def mirror_check(self, con: sqlite3.Connection, event: dg.EventLogEntry, row: dict[str, Any]) -> None:
        """Of a check that is planned or done: the event, and how it stands."""
        row["id"] = con.execute(EVENT, row).lastrowid
        check: Any = event.dagster_event and event.dagster_event.event_specific_data
        if isinstance(check, dg.AssetCheckEvaluation):
            target = check.target_materialization_data
            row |= {"status": "SUCCEEDED" if check.passed else "FAILED", "made": target and target.storage_id}
            row |= {"asset_key": check.asset_key.to_string(), "check": check.check_name, "partition": check.partition}
            if con.execute(CHECK_DONE, row).rowcount == 1:
                return
        elif isinstance(check, AssetCheckEvaluationPlanned) and check.partitions_subset is None:
            con.execute(CHECK_PLANNED, row | {"asset_key": check.asset_key.to_string(), "check": check.check_name})
            return
        self.store_asset_check_event(event, row["id"])

    def get_asset_records(self, asset_keys: Sequence[dg.AssetKey] | None = None) -> Sequence[AssetRecord]:
        """Of assets that were just made here from memory: that is what their own step asks for, again and again."""
        made = [self._made[key] for key in asset_keys or () if key in self._made]
        if asset_keys and len(made) == len(asset_keys):
            return made
        return super().get_asset_records(asset_keys)

    def has_table(self, table_name: str) -> bool:
        ask = super().has_table
        return self._once(("table", table_name), lambda: ask(table_name))

    def has_secondary_index(self, name: str) -> bool:
        ask = super().has_secondary_index
        return self._once(("index", name), lambda: ask(name))

    def _has_asset_key_col_on_connection(self, conn: Connection, column_name: str) -> bool:
        ask = super()._has_asset_key_col_on_connection
        return self._once(("column", column_name), lambda: ask(conn, column_name))

    def _once(self, what: tuple[str, str], ask: Callable[[], bool]) -> bool:
        """What is there stays there; what is not may still come."""
        if what not in self._there and ask():
            self._there.add(what)
        return what in self._there

    def dispose(self) -> None:
        self._store_waiting()
        for con in self._held.values():
            con.close()
        self._held.clear()
        super().dispose()


def _nowhere(log: NightEventLog, con: sqlite3.Connection, event: dg.EventLogEntry, row: dict[str, Any]) -> None:
    """An event of the run alone."""


def _like(file: Path) -> str:
    """The script that makes another file such as this one, empty. Dagster makes the file of a run statement by
    statement, and loads all of its migrations to write down which of them it does not need."""
    with closing(sqlite3.connect(file)) as con:
        made = con.execute(
            "SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY type <> 'table', rowid"
        ).fetchall()
        revisions = con.execute("SELECT version_num FROM alembic_version").fetchall()
    stamp = [f"INSERT INTO alembic_version VALUES ('{revision}')" for (revision,) in revisions]  # noqa: S608
    return ";\n".join(["PRAGMA journal_mode = WAL", "BEGIN", *(sql for (sql,) in made), *stamp, "COMMIT"])


def _driver(con: Connection) -> sqlite3.Connection:
    driver = con.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


# What becomes of an event in the file that is over all runs.
MIRRORS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION: NightEventLog.mirror_asset,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED: NightEventLog.mirror_asset,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION: NightEventLog.mirror_check,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED: NightEventLog.mirror_check,
    **dict.fromkeys(OF_THE_RUN_ALONE, _nowhere),
}
