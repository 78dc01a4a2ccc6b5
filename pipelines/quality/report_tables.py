"""The tables of the board's report that SQL cannot make: exact tails, statistics, and statuses by the study file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.quality.cards import check_cards, check_grid
from pipelines.quality.central import central_checks
from pipelines.quality.check_table import load_check_results, write_table
from pipelines.quality.forecast import recruitment_forecast
from pipelines.quality.indicators import counts_of, judge_indicators

if TYPE_CHECKING:
    import duckdb

    from pipelines.study.load import Protocol

Rows = Iterable[dict[str, Any]]


@dataclass(frozen=True)
class ReportTable:
    """What a table is made from, and its rows."""

    reads: tuple[str, ...]
    rows: Callable[[duckdb.DuckDBPyConnection, Protocol], Rows]


def _kri(con: duckdb.DuckDBPyConnection, protocol: Protocol) -> Rows:
    return judge_indicators(counts_of(con, protocol.study), protocol.study)


def _check_card(con: duckdb.DuckDBPyConnection, protocol: Protocol) -> list[dict[str, Any]]:
    return check_cards(con, load_check_results(con), protocol.study)


def _check_grid(con: duckdb.DuckDBPyConnection, protocol: Protocol) -> Rows:
    return check_grid(_check_card(con, protocol))


CARDS_READ = ("quality.check_result", "quality.check_count", "quality.arrival")
REPORT_TABLES = {
    "quality.kri": ReportTable(("quality.counted_unit", "quality.arrival"), _kri),
    "quality.check_card": ReportTable(CARDS_READ, _check_card),
    "quality.check_grid": ReportTable(CARDS_READ, _check_grid),
    "quality.recruitment_forecast": ReportTable(
        ("quality.recruitment", "core.subject"), lambda con, protocol: recruitment_forecast(con, protocol.study)
    ),
    "quality.central_check": ReportTable(
        ("quality.central_unit",),
        lambda con, protocol: central_checks(con, protocol.study),
    ),
}


def write_report_table(con: duckdb.DuckDBPyConnection, protocol: Protocol, name: str) -> int:
    """Make the table `name` of `REPORT_TABLES` in the current database; returns how many rows."""
    return write_table(con, name, REPORT_TABLES[name].rows(con, protocol))
