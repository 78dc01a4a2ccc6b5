"""The ways from a log's CSV to sessions and participant-weeks that are compared, each as a command."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tests.bench.competitors.with_dbt import DBT
from tests.bench.log_trial import AS_OF
from tests.bench.measure import COMMAND, Measured, measure
from tests.bench.results import COLUMNS, differences

BARE, SESSIONS_ONLY, POLARS, PANDAS, OURS = "bare DuckDB", "bare DuckDB, sessions only", "polars", "pandas", "ict-trial"
UNTIL_PUBLISHED = ", until published"
PUBLISHED = OURS + UNTIL_PUBLISHED
CHECKED = "every row checked"
POLARS_CHECKED, PANDAS_CHECKED = f"polars, {CHECKED}", f"pandas, {CHECKED}"


@dataclass(frozen=True)
class Competitor:
    """A program of `tests/bench/competitors` that makes `tables`."""

    name: str
    program: str
    arguments: tuple[str, ...] = ()
    tables: tuple[str, ...] = tuple(COLUMNS)

    def run(self, site_folder: Path, result: Path, as_of: str = AS_OF) -> Measured:
        shutil.rmtree(result, ignore_errors=True)
        result.mkdir(parents=True)
        module = f"tests.bench.competitors.{self.program}"
        return measure([sys.executable, "-m", module, str(site_folder), str(result), as_of, *self.arguments])

    def compare(self, result: Path, workspace: Path) -> None:
        """Raises RuntimeError where its sessions or participant-weeks are not the published ones."""
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            con.execute(f"ATTACH '{workspace}/published/current-unblinded.duckdb' AS published (READ_ONLY)")
            found = differences(con, result, "published.engagement", self.tables)
        if any(found.values()):
            raise RuntimeError(f"{self.name} and the pipeline differ in so many rows: {found}")


def competitors() -> list[Competitor]:
    every = [
        Competitor(SESSIONS_ONLY, "bare_duckdb", ("session",), ("session",)),
        Competitor(BARE, "bare_duckdb"),
        Competitor(POLARS, "with_polars"),
        Competitor(POLARS_CHECKED, "with_polars", (CHECKED,)),
        Competitor(PANDAS, "with_pandas"),
        Competitor(PANDAS_CHECKED, "with_pandas", (CHECKED,)),
    ]
    return [*every, Competitor("dbt-duckdb", "with_dbt")] if DBT.exists() else every


def first_night(site_folder: Path, workspace: Path) -> Measured:
    """Ours, in a workspace that has never seen anything."""
    shutil.rmtree(workspace, ignore_errors=True)
    measure([*COMMAND, "init", "--workspace", str(workspace)])
    shutil.copytree(site_folder, workspace / "landing" / "oxford", copy_function=os.link, dirs_exist_ok=True)
    return night(workspace)


def until_published(workspace: Path, measured: Measured) -> Measured:
    """A night up to the rename that shows readers what it made; report and lists come after it."""
    return measured.until((workspace / "published" / "current").lstat().st_mtime)


def night(workspace: Path, as_of: str = AS_OF) -> Measured:
    return measure([*COMMAND, "nightly", "--workspace", str(workspace), "--settle", "0", "--as-of", as_of])
