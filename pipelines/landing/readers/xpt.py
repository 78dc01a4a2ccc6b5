"""SAS transport files, `.xpt`, versions 5 and 8. Special missing values (`.A` to `.Z`) are missing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.readers.packed import size
from pipelines.landing.readers.statistical import Clock, StatisticalTable
from pipelines.landing.readers.table import UnreadableError

if TYPE_CHECKING:
    from pipelines.study.source import SasTransport

RECORD = 80  # bytes: the format is made of them, and does not say how many rows they hold

# SAS 9.4 Formats and Informats: dates are days, times and date-times seconds, since 1960.
_ORDERS = ("MMDDYY", "DDMMYY", "YYMMDD")
SAS_CLOCK = Clock(
    origin=date(1960, 1, 1),
    times=frozenset({"DATETIME", "DATEAMPM", "MDYAMPM", "E8601DT", "B8601DT", "IS8601DT"}),
    dates=frozenset({"DTDATE", "DTWKDATX", "E8601DN", "B8601DN", "IS8601DN"}),
    days=frozenset({"DATE", "WEEKDATE", "WEEKDATX", "WORDDATE", "WORDDATX", "JULIAN", "E8601DA", "B8601DA", "IS8601DA"})
    | {order + separator for order in _ORDERS for separator in ("", *"BCDNPS")},
    clock_times=frozenset({"TIME", "HHMM", "TOD", "TIMEAMPM", "E8601TM", "B8601TM", "IS8601TM"}),
)


def open_xpt(path: Path, file_name: str, read: SasTransport) -> StatisticalTable:
    """Raises UnreadableError."""
    import pyreadstat

    table = StatisticalTable("SAS transport", pyreadstat.read_xport, SAS_CLOCK, path, file_name, read)
    if size(table.source) % RECORD:
        raise UnreadableError(
            f"the SAS transport file is cut off: it is not a whole number of {RECORD} byte records; send it again whole"
        )
    return table
