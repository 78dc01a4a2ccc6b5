"""JSON values one after the other, out of a text that is never whole in memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

from pipelines.landing.readers.json_rows import Row, decoder_of, is_sound
from pipelines.landing.readers.table import UnreadableError

LONGEST_VALUE = 32 << 20
_WHITE = " \t\r\n"
_GOES_ON = ".eE"  # after a number: its other half is in the next chunk


class JsonStream:
    """A reading head in chunks of UTF-8; `line` is the line it stands in. Every method raises UnreadableError."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._characters = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self.line = "", 0, 1
        self.sound = True  # whether the last value's texts can stand in a table, each under a name of its own
        self._decoder, self._name_twice = decoder_of(self._object), False

    def peek(self) -> str:
        """The next character that is not white space, '' at the end."""
        while True:
            start = self._at
            while self._at < len(self._text) and self._text[self._at] in _WHITE:
                self._at += 1
            self.line += self._text.count("\n", start, self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, marks: str) -> str:
        """Pass over the next character, which must be one of `marks`."""
        mark = self.peek()
        if not mark or mark not in marks:
            raise self.broken(f"expected {' or '.join(marks)}" + ("" if mark else ", but the file ends; it is cut off"))
        self._at += 1
        return mark

    def value(self) -> Any:
        """The next value; numbers as the text they were sent as."""
        self.peek()
        while True:
            found, end = self._decoded()
            if 0 <= end < len(self._text) and self._text[end] not in _GOES_ON:
                break
            if len(self._text) - self._at > LONGEST_VALUE:
                raise self.broken(f"a value is broken or longer than {LONGEST_VALUE >> 20} MiB")
            if not self._more():  # until then what ends with the chunk may go on in the next one
                break
        if end < 0 or self._text[end : end + 1] in (*_GOES_ON,):
            raise self.broken("a value is broken or cut off")
        self.sound = not self._name_twice and (self._text.find("\\u", self._at, end) < 0 or is_sound(found))
        self.line += self._text.count("\n", self._at, end)
        self._at = end
        return found

    def elements(self) -> Iterator[tuple[Any, int]]:
        """The values of the array that comes next, each with the line in which it begins."""
        self.take("[")
        mark = self.take("]") if self.peek() == "]" else ","
        while mark == ",":
            self.peek()
            line = self.line
            yield self.value(), line
            mark = self.take(",]")

    def names(self) -> Iterator[str]:
        """The names in the object that comes next; the caller takes the value after each."""
        self.take("{")
        mark = self.take("}") if self.peek() == "}" else ","
        while mark == ",":
            if self.peek() != '"':
                raise self.broken("expected a name in quotes")
            name = self.value()
            self.take(":")
            yield name
            mark = self.take(",}")

    def broken(self, reason: str) -> UnreadableError:
        return UnreadableError(f"the file is not sound JSON in line {self.line}: {reason}; export it again")

    def _decoded(self) -> tuple[Any, int]:
        """The value under the head and where it ends; -1 where it is broken or goes on in the next chunk."""
        self._name_twice = False
        try:
            return self._decoder.raw_decode(self._text, self._at)
        except RecursionError:
            raise self.broken("values are nested too deeply") from None
        except ValueError:
            return None, -1

    def _object(self, pairs: list[tuple[str, Any]]) -> Row:
        row = dict(pairs)
        self._name_twice |= len(row) < len(pairs)
        return row

    def _more(self) -> bool:
        """Get the next chunk; False at the end."""
        for chunk in self._chunks:
            self._text = self._text[self._at :] + self._characters.decode(chunk)
            self._at = 0
            return True
        return False
