"""One module a format: a file as a table of text, in batches. `open_table` finds the one that is declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.dataset_json import DatasetJsonTable
from pipelines.landing.readers.delimited import DelimitedTable
from pipelines.landing.readers.dta import open_dta
from pipelines.landing.readers.json_array import JsonArrayTable
from pipelines.landing.readers.json_lines import JsonLinesTable
from pipelines.landing.readers.parquet import ParquetTable
from pipelines.landing.readers.por import open_por
from pipelines.landing.readers.sas7bdat import open_sas7bdat
from pipelines.landing.readers.sav import open_sav
from pipelines.landing.readers.table import Batch, Table, UnreadableError, listed, shown
from pipelines.landing.readers.xlsx import SpreadsheetTable
from pipelines.landing.readers.xpt import open_xpt

if TYPE_CHECKING:
    from pipelines.study.source import Read

READERS: dict[str, Callable[[Path, str, Any], Table]] = {
    "delimited": DelimitedTable,
    "jsonl": JsonLinesTable,
    "json": JsonArrayTable,
    "dataset-json": DatasetJsonTable,
    "xlsx": SpreadsheetTable,
    "parquet": ParquetTable,
    "sav": open_sav,
    "zsav": open_sav,
    "por": open_por,
    "xpt": open_xpt,
    "sas7bdat": open_sas7bdat,
    "dta": open_dta,
}


def open_table(path: Path, file_name: str, read: Read) -> Table:
    """Open `path`, which a site called `file_name`, in the format that the study file declares.

    Raises UnreadableError.
    """
    return READERS[read.format](path, file_name, read)


__all__ = ["Batch", "Table", "UnreadableError", "listed", "open_table", "shown"]
