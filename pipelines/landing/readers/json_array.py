"""A JSON array of objects, UTF-8, packed or not. Numbers keep the digits they were sent with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.readers.json_rows import Row, batch_of, new_keys
from pipelines.landing.readers.json_stream import JsonStream
from pipelines.landing.readers.table import Batch, UnreadableError
from pipelines.landing.readers.text import utf8_chunks

if TYPE_CHECKING:
    from pipelines.study.source import JsonArray

ROWS_A_BATCH = 50_000


class JsonArrayTable:
    """An array of which each element is a record. Which columns there are only shows row by row."""

    header: list[str] | None = None

    def __init__(self, path: Path, file_name: str, read: JsonArray) -> None:
        self._stream = JsonStream(utf8_chunks(path, file_name, member=read.member))
        if not self._stream.peek():
            raise UnreadableError("the file is empty; where there is nothing to report, send no file")
        self._keys: dict[str, None] = {}
        self.n_records = 0

    @property
    def seen(self) -> list[str]:
        return list(self._keys)

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        elements = self._rows()
        while some := list(islice(elements, ROWS_A_BATCH)):
            rows = [row for row, _ in some]
            first = self.n_records + 1
            self.n_records += len(rows)
            self._keys.update(new_keys(rows, self._keys))
            yield batch_of(rows, first, [line for _, line in some], columns)
        if self._stream.peek():
            raise self._stream.broken("there is more after the array's end (is it JSON lines?)")

    def _rows(self) -> Iterator[tuple[Row | None, int]]:
        for value, line in self._stream.elements():
            yield (value if isinstance(value, dict) and self._stream.sound else None), line
