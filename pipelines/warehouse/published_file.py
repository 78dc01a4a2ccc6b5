"""One published database, written by a process that sees nothing but its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.warehouse.contents import Part, column_comment
from pipelines.warehouse.digest import NOT_IN_TABLES_DIGEST
from pipelines.warehouse.fresh_process import FreshProcess
from pipelines.warehouse.quoting import identifier, literal, parquet
from pipelines.workspace import Workspace

STORAGE_VERSION = "v1.0.0"  # what clients from DuckDB 1.0 on can open


def begin_file(
    con: Any, writer: FreshProcess, workspace: Workspace, path: Path, parts: Sequence[Part], same: Path | None
) -> None:
    """Have `parts` written to a database by a process that sees nothing but them, or only what differs in `same`.

    The writer is not waited for.
    """
    rows = effects.make_directory(_rows_folder(workspace, path))
    if same is not None:
        parts = [part for part in parts if part.name == NOT_IN_TABLES_DIGEST]
        effects.copy(same, path)
    # Without a log of what is to be written: until it is whole, the file is nobody's.
    attach = (
        f"ATTACH {literal(str(path))} AS published (STORAGE_VERSION '{STORAGE_VERSION}', RECOVERY_MODE no_wal_writes)"
    )
    for statement in (attach, "USE published", "BEGIN"):
        effects.execute(writer, statement, file=path)
    for part in parts:
        target = rows / f"{part.name}.parquet"
        copy = f"COPY ({part.select} ORDER BY {part.order}) TO {literal(str(target))} (FORMAT parquet)"
        effects.execute(con, copy, file=target)
        statements = _statements(part, target) if same is None else _rows_alone(part, target)
        effects.execute(writer, ";\n".join(statements), file=path)
    for statement in ("COMMIT", "CHECKPOINT published", "USE memory", "DETACH published"):
        effects.execute(writer, statement, file=path)


def _rows_folder(workspace: Workspace, path: Path) -> Path:
    """Where the rows of a file lie for its writer."""
    return workspace.build / path.stem


def _rows_alone(part: Part, rows: Path) -> Iterable[str]:
    """What gives a table of a published file other rows."""
    yield f"DELETE FROM {identifier(part.name)}"  # noqa: S608
    yield f"INSERT INTO {identifier(part.name)} SELECT * FROM {parquet([rows])}"  # noqa: S608


def finish_file(writer: FreshProcess, workspace: Workspace, path: Path) -> None:
    """Wait until the file is written. Raises WarehouseError."""
    writer.finish()
    effects.remove(_rows_folder(workspace, path))


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
