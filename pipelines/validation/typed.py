"""A feed's rows of text → typed columns, and the cells that could not be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines.study.source import Offset
from pipelines.validation.clock import holds_a_time, read_dates, read_times
from schemas.feeds import Column, Feed

if TYPE_CHECKING:
    import polars as pl

# A day that ends a period ends at its last microsecond.
TOLERATED = timedelta(minutes=5, microseconds=1)
_NOT_IN_FUTURE = ("occurred_at", "completed_at")
_DAY_SHAPED = r"^[^T:]*$"  # no clock time in it


@dataclass(frozen=True)
class Clocks:
    """What dates and times of one delivery are read by: the zone of times without an offset, the site's zone
    for calendar dates, the delivery's place in time (UTC), and the declared shape of each column."""

    zone: str
    site_zone: str
    place: datetime
    shapes: dict[str, str | Offset]


@dataclass
class Typed:
    """`rows` has the text frame's places and the feed's columns typed (beside a time also its calendar date
    and `clock_note`); `failures` has one line a refused cell: row (position in `rows`), rule, column, allowed."""

    rows: pl.DataFrame
    failures: list[pl.DataFrame]


def failed(mask: pl.Series, rule: str, column: str) -> pl.DataFrame | None:
    """The rows where `mask` is true, as failures; None where there is none."""
    import polars as pl

    if not mask.any():
        return None
    rows = mask.fill_null(False).arg_true().cast(pl.Int64)
    return pl.DataFrame({"row": rows}).with_columns(
        pl.lit(rule).alias("rule"), pl.lit(column).alias("column"), pl.lit("").alias("allowed")
    )


def type_rows(text: pl.DataFrame, feed: Feed, clocks: Clocks, *, plain: bool) -> Typed:
    """Raises UnreadableError for a declared date format that cannot be used."""
    import polars as pl

    columns: dict[str, pl.Series] = {}
    failures: list[pl.DataFrame | None] = []
    for column in feed.columns:
        found, wrong = _READ[column.kind](text[column.name], column, clocks, plain)
        columns |= found
        failures += wrong
    rows = text.with_columns(series.alias(name) for name, series in columns.items())
    assert isinstance(rows, pl.DataFrame)
    return Typed(rows, [failure for failure in failures if failure is not None])


Read = tuple[dict[str, "pl.Series"], list["pl.DataFrame | None"]]


def _identifier(text: pl.Series, column: Column, _clocks: Clocks, plain: bool) -> Read:
    """The same characters in one form: full-width letters and digits become plain ones (NFKC)."""
    import polars as pl

    if plain:
        return {column.name: text}, []
    plainer = pl.col(text.name).str.normalize("NFKC").str.strip_chars()
    return {column.name: text.to_frame().select(pl.when(plainer != "").then(plainer)).to_series()}, []


def _as_it_is(text: pl.Series, column: Column, _clocks: Clocks, _plain: bool) -> Read:
    return {column.name: text}, []


def _date(text: pl.Series, column: Column, clocks: Clocks, _plain: bool) -> Read:
    days = read_dates(text, clocks.shapes.get(column.name))
    return {column.name: days}, [failed(days.is_null() & text.is_not_null(), "unreadable_date", column.name)]


def _time(text: pl.Series, column: Column, clocks: Clocks, _plain: bool) -> Read:
    """Also `<name>_on` (occurred_at → occurred_on), the calendar date at the site, and clock_note."""
    found = read_times(text, clocks.zone, clocks.shapes.get(column.name))
    instant = found["instant"]
    wrong = [failed(found["rule"] == rule, rule, column.name) for rule in ("unreadable_time", "nonexistent_time")]
    if column.name in _NOT_IN_FUTURE:
        wrong.append(failed(instant > clocks.place + TOLERATED, "future_time", column.name))
    return {
        column.name: instant,
        column.name.removesuffix("_at") + "_on": _site_day(instant, clocks),
        "clock_note": found["clock_note"],
    }, wrong


def _time_or_date(text: pl.Series, column: Column, clocks: Clocks, _plain: bool) -> Read:
    """An instant where a time was given, and the calendar date always."""
    import polars as pl

    shape = clocks.shapes.get(column.name)
    name, on = column.name, column.name.removesuffix("_at") + "_on"
    only_date = text.str.contains(_DAY_SHAPED) if shape is None else pl.Series([not _with_time(shape)] * len(text))
    days = read_dates(_where(only_date, text), shape if shape is None or not _with_time(shape) else None)
    times, wrong = _time(_where(~only_date, text), column, clocks, False)
    unreadable = days.is_null() & only_date & text.is_not_null()
    latest = clocks.place.astimezone(ZoneInfo(clocks.site_zone)).date()
    wrong.append(failed(unreadable, "unreadable_date", name))
    wrong.append(failed(days > latest, "future_time", name))
    either = pl.select(pl.coalesce(pl.lit(days), pl.lit(times[on]))).to_series()
    return {name: times[name], on: either, "clock_note": times["clock_note"]}, wrong


def _integer(text: pl.Series, column: Column, clocks: Clocks, plain: bool) -> Read:
    """Whole numbers, also written as 2.0."""
    import polars as pl

    numbers, wrong = _decimal(text, column, clocks, plain)
    number = pl.col("number")
    whole = pl.when((number == number.round()) & (number.abs() < 2**53)).then(number.cast(pl.Int64, strict=False))
    found = numbers[column.name].to_frame("number").select(whole).to_series()
    broken = found.is_null() & numbers[column.name].is_not_null()
    return {column.name: found}, [*wrong, failed(broken, "not_whole_number", column.name)]


def _decimal(text: pl.Series, column: Column, _clocks: Clocks, _plain: bool) -> Read:
    """Numbers with a decimal point."""
    import polars as pl

    number = text.cast(pl.Float64, strict=False)
    finite = number.to_frame("number").select(pl.when(pl.col("number").is_finite()).then(pl.col("number")))
    found = finite.to_series()
    return {column.name: found}, [failed(found.is_null() & text.is_not_null(), "unreadable_number", column.name)]


_READ = {
    "identifier": _identifier,
    "text": _as_it_is,
    "code": _as_it_is,
    "date": _date,
    "time": _time,
    "time_or_date": _time_or_date,
    "integer": _integer,
    "decimal": _decimal,
}


def _site_day(instant: pl.Series, clocks: Clocks) -> pl.Series:
    return instant.dt.convert_time_zone(clocks.site_zone).dt.date()


def _where(mask: pl.Series, text: pl.Series) -> pl.Series:
    import polars as pl

    return pl.DataFrame({"mask": mask, "text": text}).select(pl.when("mask").then("text")).to_series()


def _with_time(shape: str | Offset) -> bool:
    return isinstance(shape, str) and holds_a_time(shape)
