"""What the open report reads: the board's numbers, by table, with the digest of each table that was read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.report.board_data import board_data
from pipelines.study.load import Protocol
from pipelines.warehouse.published import BLINDED, MANIFEST
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

Row = dict[str, Any]


@dataclass(frozen=True)
class Source:
    """The numbers of one snapshot.

    `digests`: SHA-256 of each table of the blinded file, as its manifest has it.
    """

    con: duckdb.DuckDBPyConnection
    digests: Mapping[str, str] = field(default_factory=dict)

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """What a query answers, one dict a row."""
        cursor = self.con.execute(sql, parameters or None)
        names = [column[0] for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def row(self, sql: str, **parameters: Any) -> Row:
        """The only row; raises ValueError where there is none or several."""
        (row,) = self.rows(sql, **parameters)
        return row

    def has(self, *tables: str) -> bool:
        """Whether the snapshot has all these tables: one of an earlier version of the program may lack some."""
        return all(table in self._tables for table in tables)

    @cached_property
    def _tables(self) -> frozenset[str]:
        found = self.con.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables").fetchall()
        return frozenset(name for (name,) in found)


@contextmanager
def open_source(workspace: Workspace, protocol: Protocol, snapshot_id: str) -> Iterator[Source]:
    """What the open report may know of a snapshot, judged by the study file that is given; see `board_data`."""
    tables = json.loads((workspace.snapshots / snapshot_id / MANIFEST).read_bytes())["files"][BLINDED]["tables"]
    with board_data(workspace, protocol, snapshot_id) as con:
        yield Source(con, {name: table["digest"] for name, table in tables.items()})
