"""Dates and times as text → calendar dates and instants, by the clock of the place that wrote them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.landing.readers import UnreadableError
from pipelines.study.shapes import ERA, ISO, MILLISECONDS, SECONDS, DateShape, Offset
from pipelines.validation.japanese_era import as_iso, years_of_eras

if TYPE_CHECKING:
    import polars as pl

AMBIGUOUS = "ambiguous"
NONEXISTENT = "nonexistent_time"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_HOUR = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_UTC_TIME = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{_HOUR}:[0-5][0-9]Z$"
_UTC_LENGTH = len("2026-03-01T10:00:00Z")
_TIME = (
    rf"^(?<day>[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})[T ](?<hour>{_HOUR})(?<second>:[0-5][0-9])?(?<part>\.[0-9]{{1,9}})?"
    r"(?<zone>Z|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)?$"
)
_UNIX = r"^-?[0-9]{1,15}$"
_SINCE_1970 = {SECONDS: 1_000_000, MILLISECONDS: 1_000}
_OF_A_TIME = re.compile(r"%[-_0]?[HIkl]|%[TRXrcs+]")
_MOST_DAYS = 1_000_000


def read_dates(text: pl.Series, shape: DateShape | None) -> pl.Series:
    """Calendar dates, NULL where the text is none. `shape` is a strptime format, a list of them, a counted day, one
    of the named shapes, or None for YYYY-MM-DD. Raises UnreadableError for a format that cannot be used."""
    import polars as pl

    if isinstance(shape, list):
        readings = [read_dates(text, one) for one in shape]
        return pl.select(pl.coalesce(pl.lit(reading) for reading in readings)).to_series()
    if isinstance(shape, Offset):
        return _counted(text, shape)
    if shape == ERA:
        text = as_iso(text)
    elif shape not in (None, ISO):
        return _by_format(text, str(shape)).dt.date()
    day = pl.when(pl.col("text").str.contains(_DATE)).then(pl.col("text"))
    return text.to_frame("text").select(day.str.to_date("%Y-%m-%d", strict=False)).to_series()


def read_years(text: pl.Series, shape: DateShape) -> pl.Series:
    """The year of each date, or of a whole year of a Japanese era where that is declared."""
    import polars as pl

    years = read_dates(text, shape).dt.year().cast(pl.Int64)
    if ERA not in ([shape] if isinstance(shape, str) else shape):
        return years
    return pl.select(pl.coalesce(pl.lit(years), pl.lit(years_of_eras(text)))).to_series()


def first_read(readings: list[pl.DataFrame]) -> pl.DataFrame:
    """For each row the first reading of several that no `rule` refuses."""
    import polars as pl

    found = readings[-1]
    for reading in reversed(readings[:-1]):
        kept = pl.lit(reading["rule"]).is_null() | (pl.lit(reading["rule"]) == NONEXISTENT)
        found = found.select(
            pl.when(kept).then(pl.lit(reading[name])).otherwise(pl.col(name)).alias(name) for name in found.columns
        )
    return found


def _counted(text: pl.Series, offset: Offset) -> pl.Series:
    """1 is the origin, 2 is `every_days` later."""
    import polars as pl

    count = pl.col("text").cast(pl.Float64, strict=False)
    whole = pl.when((count == count.round()) & (count.abs() < _MOST_DAYS)).then(count.cast(pl.Int64, strict=False))
    days = (whole - 1) * offset.every_days
    day = pl.lit(offset.origin).cast(pl.Date) + pl.duration(days=days)
    return text.to_frame("text").select(day.cast(pl.Date)).to_series()


def _by_format(text: pl.Series, shape: str) -> pl.Series:
    """By a strptime format, as a local time or, where the format holds an offset, in UTC."""
    import polars as pl

    if shape in _SINCE_1970:
        return _since_1970(text, _SINCE_1970[shape])
    try:
        if _OF_A_TIME.search(shape):
            found = text.str.to_datetime(shape, strict=False, time_unit="us")
        else:
            found = text.str.to_date(shape, strict=False).cast(pl.Datetime("us"))
    except pl.exceptions.PolarsError:
        raise UnreadableError(f"the study file's date format `{shape}` is not one that can be read") from None
    in_four_digits = pl.col("found").dt.year().is_between(1000, 9999)
    return found.to_frame("found").select(pl.when(in_four_digits).then(pl.col("found"))).to_series()


def _since_1970(text: pl.Series, factor: int) -> pl.Series:
    """Unix time, in UTC: whole numbers, of which `factor` microseconds each."""
    import polars as pl

    number = pl.when(pl.col("found").str.contains(_UNIX)).then(pl.col("found")).cast(pl.Int64, strict=False)
    instant = (number * factor).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return text.to_frame("found").select(instant).to_series()


def read_times(text: pl.Series, zone: str, shape: DateShape | None) -> pl.DataFrame:
    """Instants out of ISO 8601 text (or by the `shape`, see `read_dates`); without an offset in `zone`.

    Columns: instant (UTC, microseconds; NULL where there is none), clock_note (`ambiguous` where the hour
    exists twice and the earlier instant was taken) and rule (`unreadable_time`, `nonexistent_time` or NULL).
    """
    import polars as pl

    if isinstance(shape, list):
        return first_read([read_times(text, zone, one) for one in shape])
    if shape == ERA:
        text = as_iso(text)
    elif isinstance(shape, str) and shape != ISO:
        found = _by_format(text, shape)
        aware = getattr(found.dtype, "time_zone", None) is not None
        return _placed(text, None, found, zone) if aware else _placed(text, found, None, zone)
    if (utc := _all_in_utc(text)) is not None:
        return _placed(text, None, utc, zone)
    parts = text.to_frame("text").select(pl.col("text").str.extract_groups(_TIME)).unnest("text")
    shown = parts.select(_local_time().alias("local"), _offset().alias("offset"), "zone")
    placed = shown.select(
        pl.when(pl.col("zone").is_null()).then("local").alias("local"),
        (pl.col("local") - pl.col("offset")).alias("utc"),
    )
    return _placed(text, placed["local"], placed["utc"], zone)


def _all_in_utc(text: pl.Series) -> pl.Series | None:
    """Times that are all written as `_UTC_TIME` says, what nearly every log looks like: NULL where a day is not in the
    calendar. None where some time is written otherwise."""
    import polars as pl
    import pyarrow as pa

    if not (text.str.len_bytes() == _UTC_LENGTH).all() or not text.str.ends_with("Z").all():  # NULL counts as true
        return None
    try:  # Arrow reads them in a third of the time, and of that length no others; not at all where one is none
        return pl.Series(text.name, text.to_arrow().cast(pa.timestamp("us", "UTC")))
    except pa.ArrowInvalid:
        if not text.str.contains(_UTC_TIME).all():
            return None
        return text.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False, time_unit="us")


def _local_time() -> pl.Expr:
    """The clock time that the parts of an ISO time show, to the microsecond."""
    import polars as pl

    shown = pl.concat_str("day", pl.lit("T"), "hour", pl.col("second").fill_null(":00"))
    parts_of_a_second = pl.col("part").str.slice(1, 6).str.pad_end(6, "0").cast(pl.Int64, strict=False).fill_null(0)
    return shown.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us") + pl.duration(
        microseconds=parts_of_a_second
    )


def _offset() -> pl.Expr:
    """How far ahead of UTC the time says it is: `Z`, `+09`, `+0900` or `+09:00`; NULL where it does not."""
    import polars as pl

    digits = pl.col("zone").str.slice(1).str.replace(":", "", literal=True).str.pad_end(4, "0")
    minutes = digits.str.head(2).cast(pl.Int64, strict=False) * 60 + digits.str.slice(2).cast(pl.Int64, strict=False)
    signed = pl.when(pl.col("zone").str.starts_with("-")).then(-minutes).otherwise(minutes)
    return pl.when(pl.col("zone").is_not_null()).then(pl.duration(minutes=signed))


def _placed(text: pl.Series, local: pl.Series | None, utc: pl.Series | None, zone: str) -> pl.DataFrame:
    """Local times by the clock of `zone`, and times already in UTC, as one column of instants."""
    import polars as pl

    empty = pl.Series([None], dtype=pl.Datetime("us")).new_from_index(0, len(text))
    local = empty if local is None else local
    utc = empty if utc is None else utc.dt.replace_time_zone(None)
    frame = pl.DataFrame({"text": text, "local": local, "utc": utc})
    if local.null_count() == len(local):
        frame = frame.with_columns(
            pl.col("utc").dt.replace_time_zone("UTC").alias("instant"), pl.lit(None, pl.String).alias("clock_note")
        )
    else:
        here = pl.col("local").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        only = pl.col("local").dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
        frame = frame.with_columns(
            pl.coalesce(here.dt.convert_time_zone("UTC"), pl.col("utc").dt.replace_time_zone("UTC")).alias("instant"),
            pl.when(only.is_null() & here.is_not_null()).then(pl.lit(AMBIGUOUS)).alias("clock_note"),
        )
    lost = pl.col("instant").is_null() & pl.col("text").is_not_null()
    rule = (
        pl.when(lost & pl.col("local").is_not_null())
        .then(pl.lit(NONEXISTENT))
        .when(lost)
        .then(pl.lit("unreadable_time"))
        .otherwise(pl.lit(None, pl.String))
    )
    return frame.select("instant", "clock_note", rule.alias("rule"))


def holds_a_time(shape: str) -> bool:
    """Whether a format reads a time of day, not only a date."""
    return shape in _SINCE_1970 or bool(_OF_A_TIME.search(shape))


def n_ambiguous(accepted: Path) -> int:
    """How many records of a file of accepted rows hold a time that exists twice."""
    import polars as pl

    rows = pl.scan_parquet(accepted)
    if "clock_note" not in rows.collect_schema():
        return 0
    noted = rows.filter(pl.col("clock_note").is_not_null()).select(pl.col("row_no").n_unique())
    return int(noted.collect().item())
