"""What SPSS, SAS and Stata files share: numbers that are dates by their format, and cells turned into text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pipelines.landing.readers.packed import opened, whole_file
from pipelines.landing.readers.table import Batch, UnreadableError, checked_header, places, refused

if TYPE_CHECKING:
    import polars as pl

    from pipelines.study.source import Statistical

ROWS_A_BATCH = 50_000
_WIDTH = re.compile(r"[0-9]*\.?[0-9]*$")
_EPOCH = date(1970, 1, 1)
_YEAR_1, _YEAR_9999 = -62_135_596_800, 253_402_300_799  # seconds since 1970 within which a calendar date exists


def without_width(variable_format: str) -> str:
    """The name of an SPSS or SAS format: `DATETIME18.2` is `DATETIME`."""
    return _WIDTH.sub("", variable_format.upper())


@dataclass(frozen=True)
class Clock:
    """How a format's numbers stand for dates and times.

    `origin` is day or second 0; `times`, `dates`, `days`, `clock_times` name the formats, as `name_of` cuts
    them, that show seconds as a date and time, seconds as a date, days as a date, and seconds as a time of
    day. `parts` is how many units of the file's times make a second.
    """

    origin: date
    times: frozenset[str]
    dates: frozenset[str]
    days: frozenset[str] = frozenset()
    clock_times: frozenset[str] = frozenset()
    parts: int = 1
    name_of: Callable[[str], str] = without_width

    def text(self, number: pl.Expr, variable_format: str | None) -> pl.Expr:
        """Numbers of that format as text: ISO dates and times where the format says so, whole numbers without
        a decimal point, an impossible date as its number."""
        import polars as pl

        name = self.name_of(variable_format or "")
        exact = number.cast(pl.Float64)
        seconds = exact / self.parts
        if name in self.clock_times:
            return _or_number(number, (seconds >= 0) & (seconds < 86_400), _moment(seconds).dt.to_string("%H:%M:%S%.f"))
        if name not in self.times | self.dates | self.days:
            return number_as_text(number)
        seconds = exact * 86_400 if name in self.days else seconds
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
    """A file that pyreadstat reads with `function`, with the formats of its variables. Raises UnreadableError."""

    kind: str
    function: Callable[..., tuple[Any, Any]]
    clock: Clock
    path: Path
    file_name: str
    read: Statistical
    source: Path | IO[bytes] = field(init=False)
    header: list[str] = field(init=False)
    formats: Mapping[str, str | None] = field(init=False)
    storage: Mapping[str, str] = field(init=False)
    labels: Mapping[str, Mapping[Any, str]] = field(init=False)
    n_stated: int | None = field(init=False)
    _names: dict[str, str] = field(init=False, repr=False)
    n_records: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.source = whole_file(self.path, self.file_name, self.read.member)
        _, facts = self._read(metadataonly=True)
        if not all(isinstance(name, str) for name in facts.column_names):  # what is left of a damaged name
            raise self._unreadable()
        self.header = checked_header(list(facts.column_names))
        self._names = dict(zip(self.header, facts.column_names, strict=True))
        self.formats = facts.original_variable_types
        self.storage = facts.readstat_variable_types
        self.labels = facts.variable_value_labels if self.read.values == "labels" else {}
        self.n_stated = facts.number_rows

    @property
    def seen(self) -> list[str]:
        return self.header

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        while True:
            batch = self._batch(columns)
            if batch.places.height:
                yield batch
            if batch.places.height < ROWS_A_BATCH:
                break
        if self.n_stated is not None and self.n_stated >= 0 and self.n_records != self.n_stated:
            raise UnreadableError(
                f"the {self.kind} file says it holds {self.n_stated} rows, but {self.n_records} could be read; "
                "it may be cut off, send it again whole"
            )

    def _batch(self, columns: list[str]) -> Batch:
        import polars as pl

        start = self.n_records
        wanted = [self._names[name] for name in columns or self.header[:1]]  # without any it still has its rows
        data, _ = self._read(
            usecols=wanted,
            row_offset=start,
            row_limit=ROWS_A_BATCH,
            output_format="polars",
            disable_datetime_conversion=True,
        )
        if not set(wanted) <= set(data.columns):
            raise self._unreadable()
        self.n_records += data.height
        cells = data.select(self._text(name, data.schema[self._names[name]]) for name in columns)
        numbers = range(start + 1, start + 1 + data.height)
        return Batch(
            places(numbers, [None] * data.height),
            cells,
            refused((), (), "unreadable_row").cast({"line_no": pl.Int64}),
        )

    def _text(self, column: str, kind: pl.DataType) -> pl.Expr:
        import polars as pl

        name = self._names[column]
        text = pl.col(name).cast(pl.String)  # text, or a column without any value
        if kind.is_numeric():
            number = pl.col(name).cast(pl.Float32 if self.storage.get(name) == "float" else pl.Float64).fill_nan(None)
            text = self.clock.text(number, self.formats.get(name))
        if labels := self.labels.get(name):
            text = text.replace({_code(value): label for value, label in labels.items()})
        return text.alias(column)

    def _read(self, **options: Any) -> tuple[Any, Any]:
        if self.read.encoding:
            options["encoding"] = self.read.encoding
        file = opened(self.source)  # given a path, the library would ask the disk for each byte of some formats
        try:
            return self.function(file, **options)
        except Exception as error:  # noqa: BLE001 - pyreadstat raises many kinds, some quoting the file
            if "unsupported character set" in str(error):
                raise UnreadableError(
                    f"the {self.kind} file names a character set that is not known; have the study file declare its "
                    "`encoding`, or export it again in UTF-8"
                ) from None
            raise self._unreadable() from None
        finally:
            if isinstance(self.source, Path):
                file.close()

    def _unreadable(self) -> UnreadableError:
        return UnreadableError(f"this is not a {self.kind} file that can be read, or it is damaged; export it again")


def _code(value: object) -> str:
    """A labelled value as its cells are written."""
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)
