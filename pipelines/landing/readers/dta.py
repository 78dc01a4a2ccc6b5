"""Stata files, `.dta`. Missing values, tagged (`.a` to `.z`) or not, are missing."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.readers.statistical import Clock, StatisticalTable

if TYPE_CHECKING:
    from pipelines.study.source import StataFile

# Stata Data Management Reference Manual, "Datetime display formats": a format is its kind and then what it shows.
_KIND = re.compile(r"%-?(d|t[a-zA-Z])")
_TIME_ONLY = re.compile(r"%-?tc[HhMSs.:_AaPpm+ ]+")


def _kind(variable_format: str) -> str:
    if _TIME_ONLY.fullmatch(variable_format):
        return "time"
    found = _KIND.match(variable_format)
    return found[1] if found else ""


# %tC (leap seconds counted) and weeks, months, quarters and years stay numbers: they are no calendar dates.
STATA_CLOCK = Clock(
    origin=date(1960, 1, 1),
    times=frozenset({"tc"}),
    dates=frozenset(),
    days=frozenset({"td", "d"}),
    clock_times=frozenset({"time"}),
    parts=1000,
    name_of=_kind,
)


def open_dta(path: Path, file_name: str, read: StataFile) -> StatisticalTable:
    """Raises UnreadableError."""
    import pyreadstat

    return StatisticalTable("Stata", pyreadstat.read_dta, STATA_CLOCK, path, file_name, read)
