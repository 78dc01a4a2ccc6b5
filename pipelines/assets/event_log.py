"""Dagster's event log as a night writes it: the same rows in the same files, with less ado.

For every event Dagster opens each file anew, asks it which tables and columns it has, and for the next event reads
back what it has just written. A night has a thousand events, and none of that changes within it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from dagster._core.event_api import EventLogRecord
from dagster._core.storage.event_log.base import AssetEntry, AssetRecord
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from sqlalchemy import Connection

AT_ONCE = 1000  # events that are stored in one transaction, where Dagster knows them together
TIMEOUT = {"timeout": 30}  # seconds that SQLite waits for another writer


class NightEventLog(sqlite_event_log.SqliteEventLogStorage):
    """One connection a file, one transaction for events that come together; what was made is remembered."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        self._held: dict[str, Connection] = {}
        self._there: set[tuple[str, str]] = set()
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
        engine = create_engine(self.conn_string_for_shard(shard), connect_args=TIMEOUT)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._held[shard] = engine.connect()
        return self._held[shard]

    def store_event(self, event: dg.EventLogEntry) -> None:
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        with self.run_connection(events[0].run_id), self.index_connection():
            for event in events:
                super().store_event(event)

    def _store_asset_event(self, conn: Connection, event: dg.EventLogEntry, event_id: int) -> None:
        super()._store_asset_event(conn, event, event_id)
        happened = event.dagster_event
        if happened is not None and happened.is_step_materialization and happened.asset_key is not None:
            made = EventLogRecord(storage_id=event_id, event_log_entry=event)
            entry = AssetEntry(asset_key=happened.asset_key, last_materialization_record=made, last_run_id=event.run_id)
            self._made[happened.asset_key] = AssetRecord(storage_id=event_id, asset_entry=entry)

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
        for con in self._held.values():
            con.close()
        self._held.clear()
        super().dispose()
