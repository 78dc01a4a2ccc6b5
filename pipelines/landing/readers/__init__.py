"""One module a format: a file as a table of text, in batches. `open_table` finds the one that is declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.delimited import DelimitedTable
from pipelines.landing.readers.json_lines import JsonLinesTable
from pipelines.landing.readers.sav import open_sav
from pipelines.landing.readers.table import Batch, Table, UnreadableError, listed, shown
from pipelines.landing.readers.xpt import open_xpt

if TYPE_CHECKING:
    from pipelines.study.source import Read

READERS: dict[str, Callable[[Path, str, Any], Table]] = {
    "delimited": DelimitedTable,
    "jsonl": JsonLinesTable,
    "sav": open_sav,
    "xpt": open_xpt,
}


def open_table(path: Path, file_name: str, read: Read) -> Table:
    """Open `path`, which a site called `file_name`, in the format that the study file declares.

    Raises UnreadableError.
    """
    return READERS[read.format](path, file_name, read)


__all__ = ["Batch", "Table", "UnreadableError", "listed", "open_table", "shown"]
