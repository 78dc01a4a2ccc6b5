"""Excel workbooks, `.xlsx`. What Excel spoils without a word is refused, see `xlsx_damage`.

The first row that holds anything names the columns; rows that hold nothing are no records; `line_no` is the row's
number in the sheet. A cell that Excel shows as a date is a date.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pipelines.landing.readers.packed import opened, whole_file
from pipelines.landing.readers.table import Batch, UnreadableError, checked_header, places, refused, refusing
from pipelines.landing.readers.xlsx_damage import undamaged_sheet

if TYPE_CHECKING:
    from pipelines.study.source import Spreadsheet

ROWS_A_BATCH = 20_000
_UNREADABLE = "this is not an Excel workbook (.xlsx) that can be read, or it is damaged; export it again, best as CSV"
Cells = list[str | None]


class SpreadsheetTable:
    """The one sheet of a workbook, or the one that the study file names. Raises UnreadableError."""

    def __init__(self, path: Path, file_name: str, read: Spreadsheet) -> None:
        self._source = whole_file(path, file_name, read.member)
        self._rows = _rows(self._source, undamaged_sheet(self._source, read.sheet))
        _, names = next(self._rows, (0, []))
        if not names:
            raise UnreadableError("the sheet is empty; a file without rows still has its header row")
        self.header = checked_header([name or "" for name in names])
        self.n_records = 0

    @property
    def seen(self) -> list[str]:
        return self.header

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        import polars as pl

        where = [self.header.index(name) for name in columns]
        while some := list(islice(self._rows, ROWS_A_BATCH)):
            first = self.n_records + 1
            self.n_records += len(some)
            cells = {name: [row[i] for _, row in some] for name, i in zip(columns, where, strict=True)}
            yield Batch(
                places(range(first, first + len(some)), [number for number, _ in some]),
                pl.DataFrame(cells, schema=dict.fromkeys(columns, pl.String)),
                refused((), (), "unreadable_row"),
            )


def _rows(source: Path | IO[bytes], sheet: str) -> Iterator[tuple[int, Cells]]:
    """The rows that hold anything, each with its number in the sheet."""
    from python_calamine import load_workbook

    file = opened(source)
    try:
        with refusing(_UNREADABLE), load_workbook(file) as workbook:
            for number, row in enumerate(workbook.get_sheet_by_name(sheet).iter_rows(), start=1):
                cells = [_text(value) for value in row]
                if any(cells):
                    yield number, cells
    finally:
        if isinstance(source, Path):
            file.close()


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        seconds = round(value.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
