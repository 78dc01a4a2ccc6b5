"""One published database, written by a process that sees nothing but its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.warehouse.contents import Part, column_comment
from pipelines.warehouse.fresh_process import FreshProcess
from pipelines.warehouse.quoting import identifier, literal, parquet
from pipelines.workspace import Workspace

STORAGE_VERSION = "v1.0.0"  # what clients from DuckDB 1.0 on can open


@dataclass(frozen=True)
class BegunFile:
    """A database at `path` that `writer` makes; its rows are handed over in `rows`. `anew` where no earlier file that
    holds the same is gone on with."""

    path: Path
    writer: FreshProcess
    rows: Path
    anew: bool


def begin_file(writer: FreshProcess, workspace: Workspace, path: Path, same: Path | None) -> BegunFile:
    """Have a database written by a process that sees nothing but what `put_rows` gives it: a new one, or a copy of
    `same`. The writer is not waited for."""
    rows = effects.make_directory(workspace.build / path.stem)
    if same is not None:
        effects.copy(same, path)
    # Without a log of what is to be written: until it is whole, the file is nobody's.
    attach = (
        f"ATTACH {literal(str(path))} AS published (STORAGE_VERSION '{STORAGE_VERSION}', RECOVERY_MODE no_wal_writes)"
    )
    for statement in (attach, "USE published", "BEGIN"):
        effects.execute(writer, statement, file=path)
    return BegunFile(path, writer, rows, same is None)


def copy_rows(con: Any, begun: BegunFile, part: Part) -> Path:
    """The rows of `part` as the file's writer can read them; any thread may make them."""
    target = begun.rows / f"{part.name}.parquet"
    copy = f"COPY ({part.select} ORDER BY {part.order}) TO {literal(str(target))} (FORMAT parquet)"
    effects.execute(con, copy, file=target)
    return target


def put_rows(begun: BegunFile, part: Part, rows: Path) -> None:
    """Have `rows`, which `copy_rows` made, written as the table of `part`."""
    statements = _statements(part, rows) if begun.anew else _rows_alone(part, rows)
    effects.execute(begun.writer, ";\n".join(statements), file=begun.path)


def finish_file(begun: BegunFile) -> None:
    """Wait until the file is whole. Raises WarehouseError."""
    for statement in ("COMMIT", "CHECKPOINT published", "USE memory", "DETACH published"):
        effects.execute(begun.writer, statement, file=begun.path)
    begun.writer.finish()
    effects.remove(begun.rows)


def _rows_alone(part: Part, rows: Path) -> Iterable[str]:
    """What gives a table of a published file other rows."""
    yield f"DELETE FROM {identifier(part.name)}"  # noqa: S608
    yield f"INSERT INTO {identifier(part.name)} SELECT * FROM {parquet([rows])}"  # noqa: S608


def _statements(part: Part, rows: Path) -> Iterable[str]:
    """What makes one table of a published file."""
    name, table = identifier(part.name), part.table
    columns = ", ".join(
        f"{identifier(column)} {table.columns[column].type}{' NOT NULL' if column in table.key else ''}"
        for column in part.columns
    )
    yield f"CREATE SCHEMA IF NOT EXISTS {identifier(table.layer)}"
    yield f"CREATE TABLE {name} ({columns})"
    yield f"COMMENT ON TABLE {name} IS {literal(table.description.strip())}"
    for column in part.columns:
        yield f"COMMENT ON COLUMN {name}.{identifier(column)} IS {literal(column_comment(table, column))}"
    # Last, because whatever is said of a table makes its entry anew, with all that waits to be written.
    yield f"INSERT INTO {name} SELECT * FROM {parquet([rows])}"  # noqa: S608
