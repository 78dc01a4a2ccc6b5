"""JSON lines: one object a line, UTF-8, packed or not. Numbers keep the digits they were sent with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.readers.json_rows import Row, batch_of, decoder_of, is_sound, new_keys, one_of_each
from pipelines.landing.readers.table import Batch, UnreadableError
from pipelines.landing.readers.text import utf8_chunks

if TYPE_CHECKING:
    from pipelines.study.source import JsonLines

LONGEST_LINE = 32 << 20

# Two objects in one line, half a character (a lone surrogate), a NUL, or names that cannot be counted by their
# colons: each line is then looked at alone.
_DELICATE = re.compile(rb"\}[ \t\r]*,[ \t\r]*\{|\\u(?:[dD][89a-fA-F]|0000)|\"[ \t\r]+:")
_AT_ONCE, _ALONE = decoder_of(), decoder_of(one_of_each)


class JsonLinesTable:
    """A file of JSON objects. Which columns it has only shows row by row."""

    header: list[str] | None = None

    def __init__(self, path: Path, file_name: str, read: JsonLines) -> None:
        self._chunks = utf8_chunks(path, file_name, member=read.member)
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
        self._keys.update(new_keys(rows, self._keys))
        return batch_of(rows, first, [number for number, _ in numbered], columns)


def _objects(text: bytes, lines: list[str]) -> list[Row | None]:
    """Each line's object, or None where it is not one (or holds text that no table can).

    All lines at once where that cannot hide a broken one: parsed as one array they must give one object a line,
    no line may hold two, and the line breaks between them forbid that a text runs from one line into the next. Of a
    name that stands twice in an object only one is left then: there are more colons behind quotes than names.
    """
    if not _DELICATE.search(text):
        try:
            rows = _AT_ONCE.decode("[" + ",\n".join(lines) + "]")
        except (ValueError, RecursionError):
            rows = []
        one_a_line = len(rows) == len(lines) and all(row.__class__ is dict for row in rows)
        if one_a_line and text.count(b'":') == sum(map(len, rows)):
            return rows
    return [_object(line) for line in lines]


def _object(line: str) -> Row | None:
    try:
        row = _ALONE.decode(line)
        if "\\u" in line and not is_sound(row):
            return None
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
