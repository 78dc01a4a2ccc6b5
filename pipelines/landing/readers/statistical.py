"""What SPSS and SAS files share: numbers that are dates by their format, and cells turned into text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.table import Batch, UnreadableError, checked_header, places, refused

if TYPE_CHECKING:
    import polars as pl

ROWS_A_BATCH = 50_000
_WIDTH = re.compile(r"[0-9]*\.?[0-9]*$")
_EPOCH = date(1970, 1, 1)
_YEAR_1, _YEAR_9999 = -62_135_596_800, 253_402_300_799  # seconds since 1970 within which a calendar date exists


@dataclass(frozen=True)
class Clock:
    """How a format's numbers stand for dates and times.

    `origin` is day or second 0; `dates`, `days`, `times` name the formats (without their width) that show
    seconds as a date and time, seconds as a date, days as a date, and seconds as a time of day.
    """

    origin: date
    times: frozenset[str]
    dates: frozenset[str]
    days: frozenset[str] = frozenset()
    clock_times: frozenset[str] = frozenset()

    def text(self, number: pl.Expr, variable_format: str | None) -> pl.Expr:
        """Numbers of that format as text: ISO dates and times where the format says so, whole numbers without
        a decimal point, an impossible date as its number."""
        name = _WIDTH.sub("", (variable_format or "").upper())
        if name in self.clock_times:
            return _or_number(number, (number >= 0) & (number < 86_400), _moment(number).dt.to_string("%H:%M:%S%.f"))
        if name not in self.times | self.dates | self.days:
            return number_as_text(number)
        seconds = number * 86_400 if name in self.days else number
        seconds = seconds + (self.origin - _EPOCH).days * 86_400
        exists = (seconds >= _YEAR_1) & (seconds <= _YEAR_9999)
        shape = "%Y-%m-%dT%H:%M:%S%.f" if name in self.times else "%Y-%m-%d"
        return _or_number(number, exists, _moment(seconds.clip(_YEAR_1, _YEAR_9999)).dt.to_string(shape))


def _moment(seconds: pl.Expr) -> pl.Expr:
    """Seconds since 1970 as a time, to the millisecond: a double holds no more of a date so far from its origin."""
    import polars as pl

    return (seconds * 1000).round().cast(pl.Int64, strict=False).cast(pl.Datetime("ms"))


def _or_number(number: pl.Expr, condition: pl.Expr, text: pl.Expr) -> pl.Expr:
    import polars as pl

    return pl.when(condition).then(text).otherwise(number_as_text(number))


def number_as_text(number: pl.Expr) -> pl.Expr:
    """`2.0` as `2`, everything else with as many digits as tell it from its neighbours."""
    import polars as pl

    whole = number.cast(pl.Int64, strict=False)
    is_whole = (whole.cast(pl.Float64) == number) & (number.abs() < 1e15)
    return pl.when(is_whole).then(whole.cast(pl.String)).otherwise(number.cast(pl.String))


@dataclass
class StatisticalTable:
    """A file that pyreadstat reads, with the formats of its variables. Raises UnreadableError."""

    path: Path
    kind: str
    read: Callable[..., tuple[Any, Any]]
    clock: Clock
    header: list[str] = field(init=False)
    formats: Mapping[str, str | None] = field(init=False)
    n_stated: int | None = field(init=False)
    n_records: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        _, facts = self._read(metadataonly=True)
        self.header = checked_header(list(facts.column_names))
        self.formats = facts.original_variable_types
        self.n_stated = facts.number_rows

    @property
    def seen(self) -> list[str]:
        return self.header

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        while True:
            batch = self._batch(columns)
            if batch.cells.height:
                yield batch
            if batch.cells.height < ROWS_A_BATCH:
                break
        if self.n_stated is not None and self.n_stated >= 0 and self.n_records != self.n_stated:
            raise UnreadableError(
                f"the {self.kind} file says it holds {self.n_stated} rows, but {self.n_records} could be read; "
                "it may be cut off, send it again whole"
            )

    def _batch(self, columns: list[str]) -> Batch:
        import polars as pl

        start = self.n_records
        data, _ = self._read(
            usecols=columns or self.header[:1],  # a file of which no column is used still has its rows
            row_offset=start,
            row_limit=ROWS_A_BATCH,
            output_format="polars",
            disable_datetime_conversion=True,
        )
        self.n_records += data.height
        cells = data.select(self._text(name, data.schema[name]) for name in columns)
        numbers = range(start + 1, start + 1 + data.height)
        return Batch(
            places(numbers, [None] * data.height),
            cells,
            refused((), (), "unreadable_row").cast({"line_no": pl.Int64}),
        )

    def _text(self, name: str, kind: pl.DataType) -> pl.Expr:
        import polars as pl

        if kind == pl.String:
            return pl.col(name)
        if kind.is_numeric():
            number = pl.col(name).cast(pl.Float64).fill_nan(None)
            return self.clock.text(number, self.formats.get(name)).alias(name)
        return pl.col(name).cast(pl.String)  # a column without any value

    def _read(self, **options: Any) -> tuple[Any, Any]:
        try:
            return self.read(str(self.path), **options)
        except Exception:  # noqa: BLE001 - pyreadstat raises many kinds, some quoting the file
            raise UnreadableError(
                f"this is not a {self.kind} file that can be read, or it is damaged; export it again"
            ) from None
