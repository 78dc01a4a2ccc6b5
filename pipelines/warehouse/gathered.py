"""The rows of many small files in one table: opening a file costs more than what it holds.

The tables lie in the layer `kept` from night to night, so that of a thousand deliveries only the new ones are opened.
A delivery's file of rows never changes: where it lies depends on everything that the rows do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.warehouse.quoting import identifier, parquet

_FILES = "kept.gathered_file"
_ENDING = "_gathered"


def gathered_name(name: str) -> str:
    """The table in which the rows for the view `name` are gathered."""
    return f"kept.{name.partition('.')[2]}{_ENDING}"


def is_gathered(name: str) -> bool:
    return name.startswith("kept.") and name.endswith(_ENDING)


def gather(con: Any, name: str, columns: Mapping[str, str], files: Sequence[Path], *, file: Path) -> str:
    """Have the rows of these files, and of no others, gathered for the view `name`; returns the SELECT of them."""
    table = identifier(gathered_name(name))
    kinds = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
    effects.execute(con, "CREATE SCHEMA IF NOT EXISTS kept", file=file)
    effects.execute(con, f"CREATE TABLE IF NOT EXISTS {table} (row_file VARCHAR, {kinds})", file=file)
    effects.execute(con, f"CREATE TABLE IF NOT EXISTS {_FILES} (name VARCHAR, row_file VARCHAR)", file=file)
    there = con.execute(f"SELECT row_file FROM {_FILES} WHERE name = ?", [name]).fetchall()  # noqa: S608
    known, wanted = {row_file for (row_file,) in there}, dict.fromkeys(map(str, files))
    gone = [row_file for row_file in known if row_file not in wanted]
    if gone:
        effects.execute(con, f"DELETE FROM {table} WHERE row_file IN (SELECT unnest(?))", [gone], file=file)  # noqa: S608
        of_these = f"DELETE FROM {_FILES} WHERE name = ? AND row_file IN (SELECT unnest(?))"  # noqa: S608
        effects.execute(con, of_these, [name, gone], file=file)
    new = [row_file for row_file in wanted if row_file not in known]
    if new:
        typed = ", ".join(f"CAST({identifier(column)} AS {kind})" for column, kind in columns.items())
        rows = parquet([Path(row_file) for row_file in new], named="row_file")
        effects.execute(con, f"INSERT INTO {table} SELECT row_file, {typed} FROM {rows}", file=file)  # noqa: S608
        effects.execute(con, f"INSERT INTO {_FILES} SELECT ?, unnest(?)", [name, new], file=file)
    return f"SELECT {', '.join(map(identifier, columns))} FROM {table}"  # noqa: S608
