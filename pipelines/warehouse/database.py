"""Connections to the build database, and rows put into it from Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects
from pipelines.warehouse.quoting import identifier
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT = "1GiB"  # beyond it DuckDB spills into the build folder

# Nothing is fetched from anywhere, and no Python variable is taken for a table.
CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
ROWS_A_STATEMENT = 200


def build_file(workspace: Workspace) -> Path:
    return workspace.build / "build.duckdb"


@contextmanager
def open_build(workspace: Workspace, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The build database in UTC, closed at the end. One process at a time writes it."""
    import duckdb

    settings = CLOSED | {"memory_limit": MEMORY_LIMIT, "temp_directory": str(workspace.build / "spill")}
    con = duckdb.connect(str(build_file(workspace)), read_only=read_only, config=dict(settings))
    try:
        con.execute("SET TimeZone = 'UTC'")
        yield con
    finally:
        con.close()


def create_table(con: Any, name: str, columns: dict[str, str], *, file: Path) -> None:
    """A new, empty table in place of an older one; `columns` maps names to types."""
    listed = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
    effects.execute(con, f"CREATE SCHEMA IF NOT EXISTS {identifier(name.split('.')[0])}", file=file)
    effects.execute(con, f"CREATE OR REPLACE TABLE {identifier(name)} ({listed})", file=file)


def insert_rows(con: Any, name: str, rows: Iterable[Sequence[Any]], *, file: Path) -> int:
    """Put `rows`, each in the table's column order, into a table; returns how many."""
    waiting, count = iter(rows), 0
    while batch := list(islice(waiting, ROWS_A_STATEMENT)):
        marks = "(" + ", ".join("?" * len(batch[0])) + ")"
        values = ", ".join([marks] * len(batch))
        parameters = [value for row in batch for value in row]
        effects.execute(con, f"INSERT INTO {identifier(name)} VALUES {values}", parameters, file=file)  # noqa: S608
        count += len(batch)
    return count
