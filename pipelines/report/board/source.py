"""What the open report reads: the board's numbers, by table, with the digest of each table that was read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pipelines.warehouse.database import CLOSED
from pipelines.warehouse.published import BLINDED, MANIFEST
from pipelines.warehouse.quoting import identifier, identifiers, literal
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
def open_source(workspace: Workspace, snapshot_id: str) -> Iterator[Source]:
    """The blinded file of a snapshot, and of each of its tables the columns that are marked safe: nothing else can be
    asked for by name."""
    import duckdb

    folder = workspace.snapshots / snapshot_id
    con = duckdb.connect(config=dict(CLOSED))
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"ATTACH {literal(str(folder / BLINDED))} AS blinded (READ_ONLY)")
        _show_safe_columns(con)
        tables = json.loads((folder / MANIFEST).read_bytes())["files"][BLINDED]["tables"]
        yield Source(con, {name: table["digest"] for name, table in tables.items()})
    finally:
        con.close()


def _show_safe_columns(con: duckdb.DuckDBPyConnection) -> None:
    found = con.execute("""
        SELECT c.table_name, list(c.column_name ORDER BY c.position)
        FROM blinded.meta.column_dictionary AS c
        JOIN blinded.meta.table_dictionary AS t ON t.table_name = c.table_name AND t.blinding = 'safe'
        WHERE c.blinding = 'safe'
        GROUP BY c.table_name
    """).fetchall()
    for table, columns in found:
        con.execute(f"CREATE SCHEMA IF NOT EXISTS {identifier(table.split('.')[0])}")
        name = identifier(table)
        con.execute(f"CREATE VIEW {name} AS SELECT {identifiers(columns)} FROM blinded.{name}")  # noqa: S608
