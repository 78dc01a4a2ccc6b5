"""SPSS portable files, `.por`. Values that the file declares missing are missing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.readers.sav import SPSS_CLOCK
from pipelines.landing.readers.statistical import StatisticalTable

if TYPE_CHECKING:
    from pipelines.study.source import SpssPortable


def open_por(path: Path, file_name: str, read: SpssPortable) -> StatisticalTable:
    """Raises UnreadableError."""
    import pyreadstat

    return StatisticalTable("SPSS portable", pyreadstat.read_por, SPSS_CLOCK, path, file_name, read)
