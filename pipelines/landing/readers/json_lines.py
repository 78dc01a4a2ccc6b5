"""JSON lines: one object a line, UTF-8, packed or not. Numbers keep the digits they were sent with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.table import Batch, UnreadableError, listed, places, refused
from pipelines.landing.readers.text import utf8_chunks

if TYPE_CHECKING:
    import polars as pl

    from pipelines.study.source import JsonLines

LONGEST_LINE = 32 << 20
_decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
Row = dict[str, Any]


class JsonLinesTable:
    """A file of JSON objects. Which columns it has only shows row by row."""

    header: list[str] | None = None

    def __init__(self, path: Path, file_name: str, _read: JsonLines) -> None:
        self._chunks = utf8_chunks(path, file_name)
        self._line = 1
        self._keys: dict[str, None] = {}
        self.n_records = 0
        self._empty = True

    @property
    def seen(self) -> list[str]:
        return list(self._keys)

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        rest = b""
        for chunk in self._chunks:
            self._empty = False
            text = rest + chunk
            end = text.rfind(b"\n") + 1
            rest = text[end:]
            if len(rest) > LONGEST_LINE:
                raise UnreadableError(f"line {self._line + text.count(10)} is longer than {LONGEST_LINE >> 20} MiB")
            if end:
                yield self._batch(text[:end], columns)
        if self._empty:
            raise UnreadableError("the file is empty; where there is nothing to report, send no file")
        if rest:
            yield self._batch(rest, columns)

    def _batch(self, text: bytes, columns: list[str]) -> Batch:

        lines = text.split(b"\n")
        kept: list[Row] = []
        numbers: list[int] = []
        broken: list[int] = []
        for number, line in enumerate(lines, start=self._line):
            if not line or line.isspace():
                continue
            row = _object(line)
            if row is None:
                broken.append(number)
                numbers.append(-number)
            else:
                kept.append(row)
                numbers.append(number)
        self._line += len(lines) - 1
        row_no = range(self.n_records + 1, self.n_records + 1 + len(numbers))
        self.n_records += len(numbers)
        for row in kept:
            self._keys.update(dict.fromkeys(row))
        cells, nested = _cells(kept, columns)
        good = [(r, n) for r, n in zip(row_no, numbers, strict=True) if n > 0]
        bad = [(r, -n) for r, n in zip(row_no, numbers, strict=True) if n < 0]
        found = refused([r for r, _ in bad], [n for _, n in bad], "unreadable_row")
        where = places([r for r, _ in good], [n for _, n in good])
        if not nested:
            return Batch(where, cells, found)
        return _without(where, cells, found, nested)


def _object(line: bytes) -> Row | None:
    """The line's object, or None where it is not one (or holds text that no table can)."""
    try:
        row = _decoder.decode(line.decode())
        if b"\\u" in line:
            json.dumps(row, ensure_ascii=False).encode()
            if "\\u0000" in json.dumps(row):
                return None
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _cells(rows: list[Row], columns: list[str]) -> tuple[pl.DataFrame, dict[int, str]]:
    """The named columns as text, and by position the rows that hold a list or an object in one of them."""
    import polars as pl

    nested: dict[int, str] = {}
    texts: dict[str, list[str | None]] = {}
    for name in columns:
        values = [row.get(name) for row in rows]
        for i, value in enumerate(values):
            if value is None or value.__class__ is str:
                continue
            if isinstance(value, bool):
                values[i] = "true" if value else "false"
            else:
                nested.setdefault(i, name)
                values[i] = None
        texts[name] = values
    return pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String)), nested


def _without(where: pl.DataFrame, cells: pl.DataFrame, found: pl.DataFrame, nested: dict[int, str]) -> Batch:
    import polars as pl

    indexes = list(nested)
    taken = where[indexes]
    held = taken.with_columns(pl.lit("unreadable_row").alias("rule"), pl.Series("column_name", list(nested.values())))
    keep = pl.Series(range(where.height)).is_in(indexes).not_()
    return Batch(where.filter(keep), cells.filter(keep), pl.concat([found, held]).sort("row_no"))


__all__ = ["JsonLinesTable", "listed"]
