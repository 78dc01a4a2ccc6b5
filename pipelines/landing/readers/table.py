"""What every reader gives: a table of text, in batches, each row with its place in the file."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import polars as pl

LONGEST_NAME = 60
MOST_COLUMNS = 50_000


class UnreadableError(Exception):
    """A file that cannot be read as what it was declared to be; the message is written for the site.

    It may name columns, lines and byte offsets, never the content of a cell.
    """


@contextmanager
def refusing(message: str) -> Iterator[None]:
    """Raise UnreadableError with `message` for whatever a library raises, whose own words may quote the file.

    A panic of a library written in Rust is no Exception.
    """
    try:
        yield
    except (UnreadableError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException:  # noqa: BLE001 - see above
        raise UnreadableError(message) from None


@dataclass(frozen=True)
class Batch:
    """Some data records of a file, in file order.

    `places` has row_no (Int64, 1-based data record) and line_no (Int64, 1-based line where the record begins;
    NULL in binary formats), one row for each row of `cells`, whose columns are all String under the file's
    own names. `refused` lists the records that could not be split into cells: row_no, line_no, rule, column_name.
    `plain` promises that every cell is ASCII without white space, so that trimming and normalising change nothing.
    """

    places: pl.DataFrame
    cells: pl.DataFrame
    refused: pl.DataFrame
    plain: bool = False


class Table(Protocol):
    """An opened file. `header` is None where the columns only show themselves row by row."""

    @property
    def header(self) -> list[str] | None: ...

    @property
    def seen(self) -> list[str]:
        """The columns met so far, in the order of their first appearance."""
        ...

    @property
    def n_records(self) -> int:
        """Data records met so far, counted where the file is cut into records."""
        ...

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        """Every record, with the named columns only. Raises UnreadableError."""
        ...


def places(row_no: Iterable[int], line_no: Iterable[int | None]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({"row_no": row_no, "line_no": line_no}, schema=_places_shape())


def refused(row_no: Iterable[int], line_no: Iterable[int | None], rule: str, column_name: str = "") -> pl.DataFrame:
    """Records that could not be split into cells, all for the same reason."""
    import polars as pl

    found = places(row_no, line_no)
    return found.with_columns(pl.lit(rule).alias("rule"), pl.lit(column_name).alias("column_name"))


def _places_shape() -> dict[str, pl.DataType]:
    import polars as pl

    return {"row_no": pl.Int64(), "line_no": pl.Int64()}


def shown(name: str) -> str:
    """A column name as it may be shown to people: without control characters, at most 60 characters long."""
    clean = "".join("?" if unicodedata.category(c)[0] == "C" else c for c in name)
    return clean if len(clean) <= LONGEST_NAME else clean[: LONGEST_NAME - 1] + "…"


def listed(names: Iterable[str], most: int = 12) -> str:
    """Column names for a sentence; of a long list the first few and how many more there are."""
    names = list(names)
    text = ", ".join(shown(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def check_width(n_columns: int) -> None:
    """Raises UnreadableError for more columns than a table of data has."""
    if n_columns > MOST_COLUMNS:
        raise UnreadableError(
            f"the file has more than {MOST_COLUMNS:,} columns, as no table of data does; is it cut into lines and "
            "cells as declared?"
        )


def checked_header(names: list[str], *, numbered: bool = False) -> list[str]:
    """The header's names, trimmed; a column without a name is called after its position.

    Raises UnreadableError where a name stands twice, for nobody could say which of them is meant; unless names are
    to be `numbered`: the second is then called `name (2)`. The names themselves are not told: where the header is
    gone, they are a person's data. So many columns that it can be no table are refused too.
    """
    check_width(len(names))
    header = [name.strip() or f"(column {i})" for i, name in enumerate(names, start=1)]
    if numbered:
        header = list(_numbered(header))
    if len(set(header)) < len(header):
        raise UnreadableError(
            f"the header names a column more than once (columns {listed(_alike(header))}); name each column once"
        )
    return header


def _alike(names: list[str]) -> list[str]:
    """The places of columns of one name, counted from 1: `2 and 5`."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for place, name in enumerate(names, start=1):
        places[name].append(str(place))
    return [" and ".join(found) for found in places.values() if len(found) > 1]


def _numbered(names: list[str]) -> Iterator[str]:
    """Each name; one met before with how often."""
    met: Counter[str] = Counter()
    for name in names:
        met[name] += 1
        yield name if met[name] == 1 else f"{name} ({met[name]})"
