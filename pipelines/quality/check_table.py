"""`quality.check_result`: the verdicts as a table of the night's database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.quality.judge import CheckResult
from pipelines.warehouse.database import create_table, insert_rows
from pipelines.warehouse.dictionary import TABLES, load_table

if TYPE_CHECKING:
    import duckdb


def write_check_results(con: duckdb.DuckDBPyConnection, results: Sequence[CheckResult]) -> None:
    """Make `quality.check_result` of the current database hold exactly `results`."""
    table = load_table(TABLES / "quality" / "check_result.yaml")
    file = _file_of(con)
    create_table(con, table.table, table.types, file=file)
    rows = ([getattr(result, column) for column in table.columns] for result in results)
    insert_rows(con, table.table, rows, file=file)


def _file_of(con: duckdb.DuckDBPyConnection) -> Path:
    row = con.execute("SELECT path FROM duckdb_databases() WHERE database_name = current_database()").fetchone()
    return Path(row[0] if row and row[0] else ":memory:")
