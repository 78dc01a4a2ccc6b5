"""Where the records of delimited text begin and end, and in which lines.

A record ends at a line end that is not inside quotes. A quote opens a quoted cell only at the cell's very
start; anywhere else it is an ordinary character (RFC 4180 and what Arrow's parser does). Empty lines are no
records.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.landing.readers.table import UnreadableError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LONGEST_RECORD = 32 << 20
LF, CR, SPACE = 10, 13, 32


@dataclass(frozen=True)
class Block:
    """Whole records as text; `lines` holds the line in which each begins. `quoted`: some quote stands in it. `plain`
    promises that its cells are ASCII without quotes, white space and control characters."""

    text: bytes | memoryview
    lines: npt.NDArray[np.int64]
    quoted: bool
    plain: bool = False


@dataclass(frozen=True)
class _Layout:
    starts: npt.NDArray[np.int64]  # byte at which each complete record begins
    lines: npt.NDArray[np.int64]  # its line, counted from 0
    end: int  # byte after the last complete record
    n_lines: int  # line ends before `end`
    open_line: int | None  # line (from 0) of a quote that is still open at the end of the text


def first_record(chunks: Iterator[bytes], delimiter: str, quote: str) -> tuple[str, bytes, int]:
    """The first record without its line end, the text after it that was already taken from `chunks`, and
    the line number at which that text begins. Raises UnreadableError."""
    text, found = b"", None
    for data in chunks:
        text += data
        found = _first_end(text, delimiter, quote, last=False)
        if found or len(text) > LONGEST_RECORD:
            break
    found = found or _first_end(text, delimiter, quote, last=True)
    if not found:
        raise UnreadableError("the file is empty; a file without rows still has its header line")
    start, end, lines = found
    _no_nul(text[:end], 1)
    return text[start:end].decode().rstrip("\r\n"), text[end:], 1 + lines


def _first_end(text: bytes, delimiter: str, quote: str, *, last: bool) -> tuple[int, int, int] | None:
    for size in (1 << 16, len(text)):  # a header is short: the whole chunk is laid out only where it must be
        part = text[:size]
        layout = _layout(part, delimiter, quote, last=last and size >= len(text))
        if len(layout.starts) > 1:
            return int(layout.starts[0]), int(layout.starts[1]), int(layout.lines[1])
        if len(layout.starts) == 1 and size >= len(text):
            if layout.open_line is not None and last:
                raise _never_closed(1 + layout.open_line)
            return int(layout.starts[0]), layout.end, layout.n_lines
    return None


def blocks(chunks: Iterator[bytes], delimiter: str, quote: str, line: int) -> Iterator[Block]:
    """The text cut into blocks of whole records; `line` is the number of its first line.

    Raises UnreadableError for a NUL character and for a quote that is never closed.
    """
    rest = b""
    for data in chunks:
        _no_nul(data, line, before=rest)
        text = rest + data if rest else data
        block, rest, line = _cut(text, delimiter, quote, line, last=False)
        if block is not None:
            yield block
        if len(rest) > LONGEST_RECORD:
            raise _too_long(rest, delimiter, quote, line)
    if rest:
        block, _, _ = _cut(rest, delimiter, quote, line, last=True)
        if block is not None:
            yield block


def _cut(text: bytes, delimiter: str, quote: str, line: int, *, last: bool) -> tuple[Block | None, bytes, int]:
    """A block of the complete records of `text`, what is left, and the line where that begins."""
    import numpy as np

    quoted = quote.encode() in text
    data = np.frombuffer(text, dtype=np.uint8)
    n_lines = int(np.count_nonzero(data == LF))
    plain = not quoted and _is_plain(data, n_lines)
    if not quoted and _one_record_a_line(text, data):
        end = len(text) if last else text.rfind(b"\n") + 1
        n_records = n_lines + (last and not text.endswith(b"\n"))
        lines = np.arange(line, line + n_records, dtype=np.int64)
        block = Block(memoryview(text)[:end], lines, quoted, plain) if n_records else None
        return block, text[end:], line + n_lines
    layout = _layout(text, delimiter, quote, last=last)
    if last and layout.open_line is not None:
        raise _never_closed(line + layout.open_line)
    block = Block(text[: layout.end], layout.lines + line, quoted, plain) if len(layout.starts) else None
    return block, text[layout.end :], line + layout.n_lines


def _one_record_a_line(text: bytes, data: npt.NDArray[np.uint8]) -> bool:
    """No empty line, and no line that ends with a lone carriage return."""
    if text.startswith((b"\n", b"\r")) or _any_twice_in_a_row(data, LF):
        return False
    return b"\r" not in text or (
        b"\n\r\n" not in text and text.count(b"\r") == text.count(b"\r\n") + text.endswith(b"\r")
    )


def _any_twice_in_a_row(data: npt.NDArray[np.uint8], byte: int) -> bool:
    """Looked for two bytes at a time, from the first and from the second: to go from one line end to the next takes
    longer."""
    both = byte << 8 | byte
    pairs = (data[start : start + (len(data) - start) // 2 * 2].view("<u2") for start in (0, min(1, len(data))))
    return any((pair == both).any() for pair in pairs)


def _is_plain(data: npt.NDArray[np.uint8], n_lines: int) -> bool:
    """Whether nothing but letters, digits and signs of ASCII stands between the line ends."""
    import numpy as np

    low = np.count_nonzero(data.view(np.int8) <= SPACE)  # as a signed number a byte beyond ASCII is negative
    return bool(low == n_lines or low == n_lines + np.count_nonzero(data == CR))


def _layout(text: bytes, delimiter: str, quote: str, *, last: bool) -> _Layout:
    """Where the records of `text`, which begins with a record, lie."""
    import numpy as np

    data = np.frombuffer(text, dtype=np.uint8)
    toggles = _toggles(data, ord(delimiter), ord(quote))
    ends = _line_ends(data, last=last)
    outside = ends[np.searchsorted(toggles, ends) % 2 == 0]
    begins = np.concatenate((np.zeros(1, dtype=np.int64), outside + 1))
    stops = outside.copy()
    crlf = (stops > begins[:-1]) & (data[stops] == LF) & (data[np.maximum(stops - 1, 0)] == CR)
    stops[crlf] -= 1
    kept = begins[:-1][stops > begins[:-1]]
    end = int(begins[-1])
    if last and end < len(data):
        kept, end = np.append(kept, end), len(data)
    open_line = int(np.searchsorted(ends, toggles[-1])) if len(toggles) % 2 else None
    return _Layout(kept, np.searchsorted(ends, kept), end, int(np.searchsorted(ends, end)), open_line)


def _line_ends(data: npt.NDArray[np.uint8], *, last: bool) -> npt.NDArray[np.int64]:
    """The last byte of every LF, CR LF or lone CR; a CR at the very end may still be followed by its LF."""
    import numpy as np

    is_end = data == LF
    if (data == CR).any():
        lone = data == CR
        lone[:-1] &= data[1:] != LF
        if len(lone) and not last:
            lone[-1] = False
        is_end |= lone
    return np.flatnonzero(is_end)


def _toggles(data: npt.NDArray[np.uint8], delimiter: int, quote: int) -> npt.NDArray[np.int64]:
    """The quotes that open or close a quoted cell, in turn (a doubled quote closes and opens again)."""
    import numpy as np

    quotes = np.flatnonzero(data == quote)
    opening = quotes[::2]
    before = data[np.maximum(opening - 1, 0)]
    # A quote straight before an opening one can only be the closing one: together they are a doubled quote.
    in_turn = (opening == 0) | np.isin(before, (delimiter, LF, CR, quote))
    if in_turn.all():
        return quotes
    return np.array(_toggles_one_by_one(data, quotes, delimiter, quote), dtype=np.int64)


def _toggles_one_by_one(
    data: npt.NDArray[np.uint8], quotes: npt.NDArray[np.int64], delimiter: int, quote: int
) -> list[int]:
    toggles: list[int] = []
    closed_at = -2
    for place in quotes.tolist():
        if len(toggles) % 2:
            toggles.append(place)
            closed_at = place
        elif place == closed_at + 1 or place == 0 or data[place - 1] in (delimiter, LF, CR):
            toggles.append(place)
    return toggles


def _no_nul(data: bytes, line: int, before: bytes = b"") -> None:
    at = data.find(b"\0")
    if at >= 0:
        line += before.count(b"\n") + data[:at].count(b"\n")
        raise UnreadableError(f"line {line} holds a NUL character, which no text does; export the file again")


def _never_closed(line: int) -> UnreadableError:
    return UnreadableError(
        f"a quote that opens in line {line} is never closed; the file may be cut off, or a quote inside a cell "
        "is not doubled; export it again"
    )


def _too_long(rest: bytes, delimiter: str, quote: str, line: int) -> UnreadableError:
    open_line = _layout(rest, delimiter, quote, last=False).open_line
    if open_line is not None:
        return _never_closed(line + open_line)
    return UnreadableError(f"line {line} is longer than {LONGEST_RECORD >> 20} MiB; this is not a table of text")
