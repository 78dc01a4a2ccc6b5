"""Databases in memory that one trial gets after another: what two trials have in common is made once.

To plan a query takes many times as long as to run it over the few rows of a test, and most of the tables behind what a
test asks for follow from the same rows as they did in the test before. Of each table a digest is kept of all that it
follows from, the SQL that makes it included: where that is the same, so is the table, and it stays.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from pipelines.warehouse.database import create_table, insert_rows

MEMORY = Path(":memory:")


@dataclass
class Database:
    """`holds` says of each table in it what it follows from."""

    con: duckdb.DuckDBPyConnection
    holds: dict[str, bytes] = field(default_factory=dict)

    def lay(self, name: str, made_of: bytes, columns: dict[str, str], rows: Iterable[Sequence[Any]]) -> None:
        """A table of literal rows."""
        if self.holds.pop(name, None) != made_of:
            create_table(self.con, name, columns, file=MEMORY)
            insert_rows(self.con, name, rows, file=MEMORY)
        self.holds[name] = made_of

    def make(self, name: str, made_of: bytes, sql: str) -> None:
        """A table that a query makes."""
        if self.holds.pop(name, None) != made_of:
            self.con.execute(f"CREATE SCHEMA IF NOT EXISTS {name.split('.')[0]}")
            self.con.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")
        self.holds[name] = made_of

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
