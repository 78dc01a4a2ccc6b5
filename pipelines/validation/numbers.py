"""Numbers as text, in the ways a study file may declare, → floating point numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.study.shapes import Number

if TYPE_CHECKING:
    import polars as pl

COMMA = r"^[+-]?[0-9]+(,[0-9]+)?$"
_DURATION = (
    r"^P(?:(?<w>[0-9]+(?:[.,][0-9]+)?)W|(?:(?<d>[0-9]+(?:[.,][0-9]+)?)D)?"
    r"(?:T(?:(?<h>[0-9]+(?:[.,][0-9]+)?)H)?(?:(?<m>[0-9]+(?:[.,][0-9]+)?)M)?(?:(?<s>[0-9]+(?:[.,][0-9]+)?)S)?)?)$"
)
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_CLOCK = r"^(?:(?<h>[0-9]+):)?(?<m>[0-5]?[0-9]):(?<s>[0-5][0-9](?:\.[0-9]+)?)$"


def read_numbers(text: pl.Series, shape: Number | None) -> pl.Series:
    """Finite numbers, NULL where the text is none. Years and months of a duration have no length in seconds."""
    import polars as pl

    written = shape.written if shape else "decimal_point"
    if written == "decimal_comma":
        found = _written_with_comma(text).cast(pl.Float64, strict=False)
    elif written == "iso8601_duration":
        found = _in_seconds(text, _DURATION)
    elif written == "clock":
        found = _in_seconds(text, _CLOCK)
    else:
        found = text.cast(pl.Float64, strict=False)
    number = pl.col("number") / shape.divide_by if shape and shape.divide_by != 1 else pl.col("number")
    return found.to_frame("number").select(pl.when(pl.col("number").is_finite()).then(number)).to_series()


def with_point(text: pl.Series, shape: Number) -> pl.Series:
    """Answers with a decimal comma as they are written with a point; NULL where one is not written so."""
    return _written_with_comma(text) if shape.written == "decimal_comma" else text


def _written_with_comma(text: pl.Series) -> pl.Series:
    import polars as pl

    sound = pl.when(pl.col("text").str.contains(COMMA)).then(pl.col("text").str.replace(",", ".", literal=True))
    return text.to_frame("text").select(sound).to_series()


def _in_seconds(text: pl.Series, pattern: str) -> pl.Series:
    import polars as pl

    found = text.to_frame("text").select(pl.col("text").str.extract_groups(pattern).alias("parts"))
    names = [field.name for field in found.schema["parts"].fields]  # type: ignore[attr-defined]
    parts = found.unnest("parts").with_columns(pl.col(names).str.replace(",", ".", literal=True).cast(pl.Float64))
    seconds = pl.sum_horizontal(pl.col(name).fill_null(0) * _SECONDS[name] for name in names)
    said = pl.any_horizontal(pl.col(names).is_not_null())
    return parts.select(pl.when(said).then(seconds).alias("seconds")).to_series()
