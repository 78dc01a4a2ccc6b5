"""SPSS files, `.sav` and the packed `.zsav`. Values that the file declares missing are missing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.readers.statistical import Clock, StatisticalTable

if TYPE_CHECKING:
    from pipelines.study.source import SpssFile

# IBM SPSS Statistics Command Syntax Reference, "Date and Time": seconds since the Gregorian calendar began.
SPSS_CLOCK = Clock(
    origin=date(1582, 10, 14),
    times=frozenset({"DATETIME", "YMDHMS"}),
    dates=frozenset({"DATE", "ADATE", "EDATE", "JDATE", "SDATE", "QYR", "MOYR", "WKYR"}),
    clock_times=frozenset({"TIME", "DTIME"}),
)


def open_sav(path: Path, file_name: str, read: SpssFile) -> StatisticalTable:
    """Raises UnreadableError."""
    import pyreadstat

    return StatisticalTable("SPSS", pyreadstat.read_sav, SPSS_CLOCK, path, file_name, read)
