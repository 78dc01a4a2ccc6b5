"""Databases in memory that one trial gets after another: what two trials have in common is made once.

To plan a query takes many times as long as to run it over the few rows of a test, and most of the tables behind what a
test asks for follow from the same rows as they did in the test before. Of each table a digest is kept of all that it
follows from, the SQL that makes it included: where that is the same, so is the table, and it stays. So do those made of
a table that was made of other rows and came to the same.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipelines.warehouse.database import create_table, insert_rows

MEMORY = Path(":memory:")
FEW = 100  # rows: more of them take longer to compare than the tables to make that are made of them


@dataclass
class Database:
    """`holds` says of each table in it what it follows from, and what it holds."""

    con: duckdb.DuckDBPyConnection
    holds: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def lay(self, name: str, columns: dict[str, str], rows: Sequence[Sequence[Any]]) -> bytes:
        """A table of literal rows; a digest of what it holds."""
        held = digest(name, columns, rows)
        if self.holds.pop(name, None) != (held, held):
            create_table(self.con, name, columns, file=MEMORY)
            insert_rows(self.con, name, rows, file=MEMORY)
        self.holds[name] = held, held
        return held

    def make(self, name: str, sql: str, *read: object) -> bytes:
        """A table that a query makes of what was `read`; a digest of what it holds."""
        made_of, before = digest(sql, *read), self.holds.pop(name, None)
        if before is None or before[0] != made_of:
            self.con.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
            self.con.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")
            before = made_of, self._held(name, sql) or made_of
        self.holds[name] = before
        return before[1]

    def _held(self, name: str, sql: str) -> bytes | None:
        rows = self.con.execute(f"FROM {name} LIMIT {FEW + 1}").fetchall()
        return digest(sql, rows) if len(rows) <= FEW else None

    def keep_only(self, names: set[str]) -> None:
        for name in set(self.holds) - names:
            self.con.execute(f"DROP TABLE {name}")
            del self.holds[name]


_idle: dict[int, list[Database]] = defaultdict(list)  # by number of threads


def new_database(file: Path, threads: int) -> Database:
    con = duckdb.connect(str(file), config={"threads": threads})
    con.execute("SET TimeZone = 'UTC'")
    return Database(con)


def taken(threads: int, names: set[str]) -> Database:
    """A database in memory that holds no other tables than `names`; some, perhaps, from a trial before."""
    database = _idle[threads].pop() if _idle[threads] else new_database(MEMORY, threads)
    database.keep_only(names)
    return database


def given_back(threads: int, database: Database) -> None:
    """The next trial may have it."""
    _idle[threads].append(database)


def digest(*parts: object) -> bytes:
    """The same only where all parts are."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).digest()
