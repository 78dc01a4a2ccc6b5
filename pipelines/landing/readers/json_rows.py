"""JSON objects as rows of text, for the formats that are made of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.table import Batch, check_width, places, refused

if TYPE_CHECKING:
    import polars as pl

Row = dict[str, Any]


def decoder_of(
    pairs: Callable[[list[tuple[str, Any]]], Row] | None = None,
) -> json.JSONDecoder:
    """Numbers keep the digits they were sent with; `pairs` makes an object of its names and values."""
    return json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=pairs)


def one_of_each(pairs: list[tuple[str, Any]]) -> Row:
    """An object of these names and values. Raises ValueError for a name that stands twice: nobody knows which value is
    meant."""
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError
    return row


def batch_of(rows: Sequence[Row | None], first: int, lines: Sequence[int], columns: list[str]) -> Batch:
    """The named columns of rows that begin in `lines`; `first` is the number of the first. None is refused."""
    cells, nested = _cells(rows, columns)
    where = places(range(first, first + len(rows)), lines)
    if not nested:
        return Batch(where, cells, refused((), (), "unreadable_row"))
    return _without(where, cells, nested)


def new_keys(rows: Sequence[Row | None], known: dict[str, None]) -> dict[str, None]:
    """The rows' keys that are not known yet, in the order of their appearance. Raises UnreadableError for too many."""
    keys = known.keys()
    strange = (row for row in rows if row is not None and not row.keys() <= keys)
    found = dict.fromkeys(key for row in strange for key in row)
    check_width(len(known) + len(found))
    return found


def is_sound(value: Any) -> bool:
    """Whether no text in it holds a NUL or half a character (a lone surrogate), which no table can."""
    try:
        return not any("\0" in text.encode().decode() for text in _texts(value))
    except (UnicodeEncodeError, RecursionError):
        return False


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


def _cells(rows: Sequence[Row | None], columns: list[str]) -> tuple[pl.DataFrame, dict[int, str]]:
    """The named columns as text, and by position the lines to refuse: those that are no object (empty name),
    and those that hold a list or an object in one of the columns, by its name."""
    import polars as pl

    nested: dict[int, str] = {i: "" for i, row in enumerate(rows) if row is None}
    texts: dict[str, list[str | None]] = {}
    for name in columns:
        values = [row.get(name) if row else None for row in rows] if "." not in name else _within(rows, name)
        if not {value.__class__ for value in values} <= {str, type(None)}:
            for i, value in enumerate(values):
                if isinstance(value, bool):
                    values[i] = "true" if value else "false"
                elif isinstance(value, list | dict):
                    nested.setdefault(i, name)
                    values[i] = None
        texts[name] = values
    return pl.DataFrame(texts, schema=dict.fromkeys(columns, pl.String)), nested


def _within(rows: Sequence[Row | None], name: str) -> list[Any]:
    """What stands under `name` in each row, or under the path that it is: `verb.id` is `id` of the object `verb`."""
    head, _, rest = name.partition(".")
    return [row[name] if row and name in row else _at(row.get(head) if row else None, rest) for row in rows]


def _at(value: Any, path: str) -> Any:
    """The value at `path`; a list at its end or on the way is a list, which no cell can hold."""
    while isinstance(value, dict) and path not in value:
        head, _, path = path.partition(".")
        value = value.get(head) if path else None
    return value[path] if isinstance(value, dict) else value if isinstance(value, list) else None


def _without(where: pl.DataFrame, cells: pl.DataFrame, nested: dict[int, str]) -> Batch:
    import polars as pl

    indexes = sorted(nested)
    names = pl.Series("column_name", [nested[i] for i in indexes], dtype=pl.String)
    found = where[indexes].with_columns(pl.lit("unreadable_row").alias("rule"), names)
    keep = ~pl.Series(range(where.height), dtype=pl.Int64).is_in(indexes)
    return Batch(where.filter(keep), cells.filter(keep), found)
