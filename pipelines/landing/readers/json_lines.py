"""JSON lines: one object a line, UTF-8, packed or not. Numbers keep the digits they were sent with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.table import Batch, UnreadableError, places, refused
from pipelines.landing.readers.text import utf8_chunks

if TYPE_CHECKING:
    import polars as pl

    from pipelines.study.source import JsonLines

LONGEST_LINE = 32 << 20
_decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
Row = dict[str, Any]

# Two objects in one line, half a character (a lone surrogate) or a NUL: each line is then looked at alone.
_DELICATE = re.compile(rb"\}[ \t\r]*,[ \t\r]*\{|\\u(?:[dD][89a-fA-F]|0000)")


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
        lines = text.decode().split("\n")
        numbered = [(number, line) for number, line in enumerate(lines, start=self._line) if line.strip()]
        self._line += len(lines) - 1
        first = self.n_records + 1
        self.n_records += len(numbered)
        rows = _objects(text, [line for _, line in numbered])
        cells, nested = _cells(rows, columns)
        self._keys.update(dict.fromkeys(key for row in _with_new_keys(rows, self._keys) for key in row))
        where = places(range(first, first + len(numbered)), [number for number, _ in numbered])
        if not nested:
            return Batch(where, cells, refused((), (), "unreadable_row"))
        return _without(where, cells, nested)


def _objects(text: bytes, lines: list[str]) -> list[Row | None]:
    """Each line's object, or None where it is not one (or holds text that no table can).

    All lines at once where that cannot hide a broken one: parsed as one array they must give one object a line,
    no line may hold two, and the line breaks between them forbid that a text runs from one line into the next.
    """
    if not _DELICATE.search(text):
        try:
            rows = _decoder.decode("[" + ",\n".join(lines) + "]")
        except (ValueError, RecursionError):
            rows = []
        if len(rows) == len(lines) and all(row.__class__ is dict for row in rows):
            return rows
    return [_object(line) for line in lines]


def _object(line: str) -> Row | None:
    try:
        row = _decoder.decode(line)
        if "\\u" in line and any("\0" in text.encode().decode() for text in _texts(row)):
            return None
    except (ValueError, RecursionError):  # half a character does not encode, which is a ValueError too
        return None
    return row if isinstance(row, dict) else None


def _texts(value: Any) -> Iterator[str]:
    """Every key and text in one line's value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        value = value.values()
    if not isinstance(value, str) and value is not None and not isinstance(value, bool):
        for part in value:
            yield from _texts(part)


def _with_new_keys(rows: list[Row | None], known: dict[str, None]) -> Iterator[Row]:
    keys = known.keys()
    return (row for row in rows if row is not None and not row.keys() <= keys)


def _cells(rows: list[Row | None], columns: list[str]) -> tuple[pl.DataFrame, dict[int, str]]:
    """The named columns as text, and by position the lines to refuse: those that are no object (empty name),
    and those that hold a list or an object in one of the columns, by its name."""
    import polars as pl

    nested: dict[int, str] = {i: "" for i, row in enumerate(rows) if row is None}
    texts: dict[str, list[str | None]] = {}
    for name in columns:
        values = [row.get(name) if row else None for row in rows]
        if not {value.__class__ for value in values} <= {str, type(None)}:
            for i, value in enumerate(values):
                if isinstance(value, bool):
                    values[i] = "true" if value else "false"
                elif isinstance(value, list | dict):
                    nested.setdefault(i, name)
                    values[i] = None
        texts[name] = values
    return pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String)), nested


def _without(where: pl.DataFrame, cells: pl.DataFrame, nested: dict[int, str]) -> Batch:
    import polars as pl

    indexes = sorted(nested)
    names = pl.Series("column_name", [nested[i] for i in indexes], dtype=pl.String)
    found = where[indexes].with_columns(pl.lit("unreadable_row").alias("rule"), names)
    keep = ~pl.Series(range(where.height), dtype=pl.Int64).is_in(indexes)
    return Batch(where.filter(keep), cells.filter(keep), found)
