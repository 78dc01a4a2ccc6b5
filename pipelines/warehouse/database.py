"""Connections to the build database, and rows put into it from Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from threading import Lock
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
AT_THE_END = "1TB"  # of log before a checkpoint: it makes all statements wait, and a build is whole only when closed
ROWS_A_STATEMENT = 10_000
MANY_ROWS = 1_000_000


def build_file(workspace: Workspace) -> Path:
    return workspace.build / "build.duckdb"


@dataclass(frozen=True)
class _Opened:
    """The build database of a workspace, held open between steps: opening it costs more than most of them."""

    connection: duckdb.DuckDBPyConnection
    inode: int
    in_mind: dict[str, Any] = field(default_factory=dict)


_opened: dict[Path, _Opened] = {}
_opening = Lock()


@contextmanager
def open_build(workspace: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC to the build database. One process at a time has it, until `close_build`."""
    with _opening:
        con = _instance(workspace).cursor()
    try:
        con.execute("SET TimeZone = 'UTC'")
        yield con
    finally:
        con.close()


@contextmanager
def one_thread_a_statement(workspace: Workspace) -> Iterator[None]:
    """Within the block no statement over the build takes more than one core, unless much was delivered: to share a
    small table out costs more than it saves where several statements run side by side."""
    with open_build(workspace) as con:
        (n_rows,) = con.execute("SELECT coalesce(sum(n_accepted), 0) FROM input.delivery").fetchone() or (0,)
        if n_rows > MANY_ROWS:
            yield
            return
        con.execute("SET threads = 1")
        try:
            yield
        finally:
            con.execute("RESET threads")


@contextmanager
def transaction(con: Any) -> Iterator[None]:
    """What is done in the block is done as a whole or not at all."""
    con.begin()
    try:
        yield
        con.commit()
    except BaseException:
        con.rollback()
        raise


def close_build(workspace: Workspace) -> None:
    """Let go of the build database; nothing happens where it is not open."""
    opened = _opened.pop(build_file(workspace), None)
    if opened is not None:
        opened.connection.close()


def in_mind(file: Path) -> dict[str, Any]:
    """What is remembered of the build database `file` for as long as it is held open; of another, nothing ever."""
    opened = _opened.get(file)
    return opened.in_mind if opened is not None else {}


def _instance(workspace: Workspace) -> duckdb.DuckDBPyConnection:
    import duckdb

    file = build_file(workspace)
    opened = _opened.get(file)
    if opened is not None and file.exists() and file.stat().st_ino == opened.inode:
        return opened.connection
    close_build(workspace)
    settings = CLOSED | {"memory_limit": MEMORY_LIMIT, "temp_directory": str(workspace.spill)}
    settings["checkpoint_threshold"] = AT_THE_END
    con = duckdb.connect(str(file), config=dict(settings))
    _opened[file] = _Opened(con, file.stat().st_ino)
    return con


def create_table(con: Any, name: str, columns: dict[str, str], *, file: Path) -> None:
    """A new, empty table in place of an older one; `columns` maps names to types."""
    listed = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
    effects.execute(con, f"CREATE SCHEMA IF NOT EXISTS {identifier(name.split('.')[0])}", file=file)
    effects.execute(con, f"CREATE OR REPLACE TABLE {identifier(name)} ({listed})", file=file)


def insert_rows(con: Any, name: str, rows: Iterable[Sequence[Any]], *, file: Path) -> int:
    """Put `rows`, each in the table's column order, into a table; returns how many."""
    waiting, count = iter(rows), 0
    while batch := list(islice(waiting, ROWS_A_STATEMENT)):
        columns = [list(column) for column in zip(*batch, strict=True)]
        selected = ", ".join(["unnest(?)"] * len(columns))  # a mark for each value would take ten times as long
        effects.execute(con, f"INSERT INTO {identifier(name)} SELECT {selected}", columns, file=file)
        count += len(batch)
    return count
