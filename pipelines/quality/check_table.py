"""Verdicts as tables of the night's database, `quality.check_result` the first of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.quality.judge import CheckResult
from pipelines.warehouse.database import create_table, insert_rows
from pipelines.warehouse.dictionary import TABLES, load_table
from pipelines.warehouse.quoting import identifiers

if TYPE_CHECKING:
    import duckdb

CHECK_RESULT = "quality.check_result"


def write_check_results(con: duckdb.DuckDBPyConnection, results: Sequence[CheckResult]) -> None:
    """Make `quality.check_result` of the current database hold exactly `results`."""
    write_table(con, CHECK_RESULT, (vars(result) for result in results))


def write_table(con: duckdb.DuckDBPyConnection, name: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Make the table `name` of the dictionary hold exactly `rows`, by column; returns how many."""
    layer, stem = name.split(".")
    table = load_table(TABLES / layer / f"{stem}.yaml")
    file = _file_of(con)
    create_table(con, name, table.types, file=file)
    return insert_rows(con, name, ([row[column] for column in table.columns] for row in rows), file=file)


def load_check_results(con: duckdb.DuckDBPyConnection) -> list[CheckResult]:
    """What `write_check_results` wrote."""
    names = [field.name for field in fields(CheckResult)]
    rows = con.execute(f"SELECT {identifiers(names)} FROM {CHECK_RESULT} ORDER BY check_name, site_id").fetchall()  # noqa: S608
    return [CheckResult(*row) for row in rows]


def _file_of(con: duckdb.DuckDBPyConnection) -> Path:
    row = con.execute("SELECT path FROM duckdb_databases() WHERE database_name = current_database()").fetchone()
    return Path(row[0] if row and row[0] else ":memory:")
