"""CDISC Dataset-JSON 1.1: one object with `columns` and `rows`, or NDJSON, whose first line is that object without
`rows` and whose other lines are one row each. Dates are ISO texts already; numbers keep their digits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.json_rows import Row, batch_of
from pipelines.landing.readers.json_stream import JsonStream
from pipelines.landing.readers.table import Batch, UnreadableError, checked_header, refused
from pipelines.landing.readers.text import utf8_chunks

if TYPE_CHECKING:
    from pipelines.study.source import DatasetJson

ROWS_A_BATCH = 50_000


class DatasetJsonTable:
    """A dataset whose columns have been read. Raises UnreadableError."""

    def __init__(self, path: Path, file_name: str, read: DatasetJson) -> None:
        self._file = path, file_name, read.member
        self._facts: dict[str, Any] = {}
        for _ in self._rows():
            if "columns" in self._facts:
                break  # else they come after the rows: read on
        self.header = checked_header(_names(self._facts.get("columns")))
        self.n_records = 0

    @property
    def seen(self) -> list[str]:
        return self.header

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        rows = self._rows()
        while some := list(islice(rows, ROWS_A_BATCH)):
            first = self.n_records + 1
            self.n_records += len(some)
            yield self._batch(some, first, columns)
        stated = self._facts.get("records")
        if stated is not None and str(stated) != str(self.n_records):
            raise UnreadableError(
                f"the dataset states another number of records than the {self.n_records} rows that it holds; "
                "it may be cut off, send it again whole"
            )

    def _batch(self, some: list[tuple[Any, int]], first: int, columns: list[str]) -> Batch:
        import polars as pl

        width = len(self.header)
        uneven = [i for i, (row, _) in enumerate(some) if isinstance(row, list) and len(row) != width]
        rows = [self._row(row) for row, _ in some]
        batch = batch_of(rows, first, [line for _, line in some], columns)
        if not uneven:
            return batch
        ragged = refused([first + i for i in uneven], [some[i][1] for i in uneven], "ragged_row")
        others = batch.refused.filter(~pl.col("row_no").is_in(ragged["row_no"].implode()))
        return Batch(batch.places, batch.cells, pl.concat([ragged, others]).sort("row_no"))

    def _row(self, values: Any) -> Row | None:
        if not isinstance(values, list) or len(values) != len(self.header):
            return None
        return dict(zip(self.header, values, strict=True))

    def _rows(self) -> Iterator[tuple[Any, int]]:
        """The rows, each with its line; what else the file says of itself goes to `_facts`."""
        path, file_name, member = self._file
        stream = JsonStream(utf8_chunks(path, file_name, member=member))
        in_lines = True
        for key in stream.names():
            if key == "rows":
                in_lines = False
                yield from _sound(stream, stream.elements())
            else:
                self._facts[key] = stream.value()
                if not stream.sound:
                    raise stream.broken("a text holds half a character or a NUL, or a name stands twice in an object")
        while stream.peek():
            if not in_lines:
                raise stream.broken("there is more after the dataset's end")
            line = stream.line
            yield from _sound(stream, iter([(stream.value(), line)]))


def _sound(stream: JsonStream, rows: Iterator[tuple[Any, int]]) -> Iterator[tuple[Any, int]]:
    return ((row if stream.sound else None, line) for row, line in rows)


def _names(columns: Any) -> list[str]:
    listing = columns if isinstance(columns, list) else []
    names = [c["name"] for c in listing if isinstance(c, dict) and isinstance(c.get("name"), str)]
    if not names or len(names) != len(listing):
        raise UnreadableError(
            "the file does not list its columns by name as Dataset-JSON 1.1 does; export it again in that version"
        )
    return names
