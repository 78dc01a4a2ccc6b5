"""SAS data files, `.sas7bdat`. Special missing values (`.A` to `.Z`) are missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.readers.statistical import StatisticalTable
from pipelines.landing.readers.xpt import SAS_CLOCK

if TYPE_CHECKING:
    from pipelines.study.source import SasFile


def open_sas7bdat(path: Path, file_name: str, read: SasFile) -> StatisticalTable:
    """Raises UnreadableError."""
    import pyreadstat

    return StatisticalTable("SAS", pyreadstat.read_sas7bdat, SAS_CLOCK, path, file_name, read)
