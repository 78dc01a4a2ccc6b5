"""A feed's rows of text → typed columns, and the cells that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines.study.shapes import ERA, ISO, DateShape, Number
from pipelines.validation.clock import first_read, holds_a_time, read_dates, read_times, read_years
from pipelines.validation.japanese_era import as_iso, is_of_an_era
from pipelines.validation.numbers import read_numbers, with_point
from pipelines.validation.site_day import site_days
from schemas.feeds import Column, Feed

if TYPE_CHECKING:
    import polars as pl

# A day that ends a period ends at its last microsecond.
TOLERATED = timedelta(minutes=5, microseconds=1)
_NOT_IN_FUTURE = ("occurred_at", "completed_at")
_DAY_SHAPED = r"^[^T:]*$"  # no clock time in it


@dataclass(frozen=True)
class Clocks:
    """What dates, times and numbers of one delivery are read by: the zone of times without an offset, the site's
    zone for calendar dates, the delivery's place in time (UTC), the declared shape of each column, and the dates
    that stand for none."""

    zone: str
    site_zone: str
    place: datetime
    shapes: Mapping[str, DateShape]
    numbers: Mapping[str, Number] = field(default_factory=dict)
    no_dates: frozenset[date] = frozenset()


@dataclass
class Typed:
    """`rows` has the text frame's places and the feed's columns typed (beside a time also its calendar date
    and `clock_note`); `failures` has one line a refused cell: row (position in `rows`), rule, column, allowed."""

    rows: pl.DataFrame
    failures: list[pl.DataFrame]


def failed(mask: pl.Series, rule: str, column: str, allowed: str = "") -> pl.DataFrame | None:
    """The rows where `mask` is true, as failures; None where there is none."""
    import polars as pl

    if not mask.any():
        return None
    rows = mask.fill_null(False).arg_true().cast(pl.Int64)
    return pl.DataFrame({"row": rows}).with_columns(
        pl.lit(rule).alias("rule"), pl.lit(column).alias("column"), pl.lit(allowed).alias("allowed")
    )


def type_rows(text: pl.DataFrame, feed: Feed, clocks: Clocks) -> Typed:
    """Raises UnreadableError for a declared date format that cannot be used."""
    import polars as pl

    columns: dict[str, pl.Series] = {}
    failures: list[pl.DataFrame | None] = []
    for column in feed.columns:
        found, wrong = _READ[column.kind](text[column.name], column, clocks)
        columns |= found
        failures += wrong
    rows = text.with_columns(series.alias(name) for name, series in columns.items())
    assert isinstance(rows, pl.DataFrame)
    return Typed(rows, [failure for failure in failures if failure is not None])


Read = tuple[dict[str, "pl.Series"], list["pl.DataFrame | None"]]


def _as_it_is(text: pl.Series, column: Column, clocks: Clocks) -> Read:
    """Text; an answer may be declared to be written with a decimal comma."""
    shape = clocks.numbers.get(column.name)
    if shape is None:
        return {column.name: text}, []
    found = with_point(text, shape)
    return {column.name: found}, [failed(found.is_null() & text.is_not_null(), "not_whole_number", column.name)]


def _date(text: pl.Series, column: Column, clocks: Clocks) -> Read:
    days = read_dates(text, clocks.shapes.get(column.name))
    unread = days.is_null() & text.is_not_null()
    return {column.name: _without(days, _stands_for_none(days, clocks))}, _unreadable(
        unread, text, "unreadable_date", column.name
    )


def _time(text: pl.Series, column: Column, clocks: Clocks) -> Read:
    """Also `<name>_on` (occurred_at → occurred_on), the calendar date at the site, and clock_note."""
    found = read_times(text, clocks.zone, clocks.shapes.get(column.name))
    found = found.with_columns(site_days(found["instant"], clocks.site_zone).alias("on"))
    return _moment(found, text, column, clocks)


def _instant(text: pl.Series, column: Column, clocks: Clocks) -> Read:
    """A time that is compared with another and has no day of its own."""
    found = read_times(text, clocks.zone, clocks.shapes.get(column.name))
    wrong: list[pl.DataFrame | None] = [failed(found["rule"] == "nonexistent_time", "nonexistent_time", column.name)]
    wrong += _unreadable(found["rule"] == "unreadable_time", text, "unreadable_time", column.name)
    return {column.name: found["instant"]}, wrong


def _time_or_date(text: pl.Series, column: Column, clocks: Clocks) -> Read:
    """An instant where a time was given, and the calendar date always."""
    found = _either(text, clocks.shapes.get(column.name), clocks)
    columns, wrong = _moment(found, text, column, clocks)
    latest = clocks.place.astimezone(ZoneInfo(clocks.site_zone)).date()
    alone = found["instant"].is_null() & ~_stands_for_none(found["on"], clocks)
    wrong.append(failed(alone & (found["on"] > latest), "future_time", column.name))
    return columns, wrong


def _either(text: pl.Series, shape: DateShape | None, clocks: Clocks) -> pl.DataFrame:
    """instant, clock_note, rule and the calendar date (`on`)."""
    import polars as pl

    if isinstance(shape, list):
        return first_read([_either(text, one, clocks) for one in shape])
    if shape in (ERA, ISO):
        text, shape = as_iso(text) if shape == ERA else text, None
    timed = isinstance(shape, str) and holds_a_time(shape)
    only_date = text.str.contains(_DAY_SHAPED) if shape is None else pl.Series([not timed] * len(text))
    days = read_dates(_where(only_date, text), None if timed else shape)
    times = read_times(_where(~only_date, text), clocks.zone, shape)
    unreadable = pl.lit(days.is_null() & only_date & text.is_not_null())
    return times.with_columns(
        pl.coalesce(pl.lit(days), pl.lit(site_days(times["instant"], clocks.site_zone))).alias("on"),
        pl.when(unreadable).then(pl.lit("unreadable_date")).otherwise("rule").alias("rule"),
    )


def _moment(found: pl.DataFrame, text: pl.Series, column: Column, clocks: Clocks) -> Read:
    """A time, its calendar date and its note as columns, with what is wrong about them."""
    name, instant = column.name, found["instant"]
    none = _stands_for_none(found["on"], clocks)
    wrong: list[pl.DataFrame | None] = [failed(found["rule"] == "nonexistent_time", "nonexistent_time", name)]
    for rule in ("unreadable_time", "unreadable_date"):
        wrong += _unreadable(found["rule"] == rule, text, rule, name)
    if name in _NOT_IN_FUTURE:
        wrong.append(failed((instant > clocks.place + TOLERATED) & ~none, "future_time", name))
    on = name.removesuffix("_at") + "_on"
    columns = {name: instant, on: found["on"], "clock_note": found["clock_note"]}
    return {name: _without(series, none) for name, series in columns.items()}, wrong


def _unreadable(mask: pl.Series, text: pl.Series, rule: str, column: str) -> list[pl.DataFrame | None]:
    """Dates that could not be read; of those by a Japanese era the message says what to do."""
    if not mask.any():
        return []
    of_an_era = is_of_an_era(text).fill_null(False)
    return [failed(mask & ~of_an_era, rule, column), failed(mask & of_an_era, rule, column, ERA)]


def _stands_for_none(days: pl.Series, clocks: Clocks) -> pl.Series:
    import polars as pl

    if not clocks.no_dates:
        return pl.Series([False]).new_from_index(0, len(days))
    return days.is_in(list(clocks.no_dates)).fill_null(False)


def _without(series: pl.Series, none: pl.Series) -> pl.Series:
    import polars as pl

    if not none.any():
        return series
    return pl.select(pl.when(~pl.lit(none)).then(pl.lit(series))).to_series()


def _integer(text: pl.Series, column: Column, clocks: Clocks) -> Read:
    """Whole numbers, also written as 2.0; or the year of a date, where the column is declared to hold one.

    Not as 1.98E+03: whoever writes so has left digits out.
    """
    import polars as pl

    shape = clocks.shapes.get(column.name)
    if shape is not None:
        years = read_years(text, shape)
        return {column.name: years}, [failed(years.is_null() & text.is_not_null(), "unreadable_date", column.name)]
    numbers, wrong = _decimal(text, column, clocks)
    number = pl.col("number")
    whole = pl.when((number == number.round()) & (number.abs() < 2**53)).then(number.cast(pl.Int64, strict=False))
    found = numbers[column.name].to_frame("number").select(whole).to_series()
    shortened = text.str.contains("[Ee]").fill_null(False)
    broken = (found.is_null() | shortened) & numbers[column.name].is_not_null()
    return {column.name: found}, [*wrong, failed(broken, "not_whole_number", column.name)]


def _decimal(text: pl.Series, column: Column, clocks: Clocks) -> Read:
    found = read_numbers(text, clocks.numbers.get(column.name))
    return {column.name: found}, [failed(found.is_null() & text.is_not_null(), "unreadable_number", column.name)]


_READ = {
    "identifier": _as_it_is,
    "text": _as_it_is,
    "code": _as_it_is,
    "date": _date,
    "time": _time,
    "time_or_date": _time_or_date,
    "instant": _instant,
    "integer": _integer,
    "decimal": _decimal,
}


def _where(mask: pl.Series, text: pl.Series) -> pl.Series:
    import polars as pl

    return pl.DataFrame({"mask": mask, "text": text}).select(pl.when("mask").then("text")).to_series()
