"""Dates by the years of a Japanese era, as forms in Japan ask for them: 令和6年5月1日, R6.5.1, 平成元年.

An era's first day is 1912-07-30 (Taisho), 1926-12-25 (Showa), 1989-01-08 (Heisei), 2019-05-01 (Reiwa); the day on
which an emperor died belongs to both eras. Meiji counts from its sixth year, in which Japan took to the Gregorian
calendar (1873). A date outside its era is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Era:
    """`year_0` is the calendar year before the era's first."""

    name: str
    letter: str
    year_0: int
    first: date
    last: date


ERAS = (
    Era("明治", "M", 1867, date(1873, 1, 1), date(1912, 7, 30)),
    Era("大正", "T", 1911, date(1912, 7, 30), date(1926, 12, 25)),
    Era("昭和", "S", 1925, date(1926, 12, 25), date(1989, 1, 7)),
    Era("平成", "H", 1988, date(1989, 1, 8), date(2019, 4, 30)),
    Era("令和", "R", 2018, date(2019, 5, 1), date.max),
)
_NAMES = {name: era for era in ERAS for name in (era.name, era.name[0], era.letter, era.letter.lower())}
_ERA = rf"^(?<era>{'|'.join(_NAMES)})\s*(?<year>元|[0-9]{{1,2}})"
_DAY = (
    rf"{_ERA}(?:\s*年\s*|[./-])(?<month>[0-9]{{1,2}})(?:\s*月\s*|[./-])(?<day>[0-9]{{1,2}})\s*日?"
    r"(?<rest>[ T]?[0-9:.]*)$"
)
_YEAR = rf"{_ERA}\s*年?$"
_NONE = "no date of an era"


def is_of_an_era(text: pl.Series) -> pl.Series:
    return text.str.contains(_DAY) | text.str.contains(_YEAR)


def as_iso(text: pl.Series) -> pl.Series:
    """`R6.5.1 9:30` as `2024-05-01T9:30`; what is no date of an era as text that no reading takes for a date."""
    import polars as pl

    parts = _parts(text, _DAY)
    written = pl.format("{}-{}-{}", "ad", pl.col("month").str.zfill(2), pl.col("day").str.zfill(2))
    day = written.str.to_date("%Y-%m-%d", strict=False)
    rest = pl.col("rest").str.strip_chars(" T")
    iso = pl.concat_str(
        day.dt.to_string("%Y-%m-%d"), pl.when(rest != "").then(pl.lit("T") + rest.str.zfill(5)).fill_null("")
    )
    inside = (day >= pl.col("first")) & (day <= pl.col("last"))
    found = pl.when(inside).then(iso).when(pl.col("text").is_not_null()).then(pl.lit(_NONE))
    return parts.select(found.alias("iso")).to_series()


def years_of_eras(text: pl.Series) -> pl.Series:
    """Calendar years of whole years of an era (昭和55年), NULL where the text is none."""
    import polars as pl

    inside = pl.col("ad").is_between(pl.col("first").dt.year(), pl.col("last").dt.year())
    return _parts(text, _YEAR).select(pl.when(inside).then("ad").cast(pl.Int64)).to_series()


def _parts(text: pl.Series, pattern: str) -> pl.DataFrame:
    """The text with the pattern's parts, the calendar year (`ad`) and the era's `first` and `last` day."""
    import polars as pl

    eras = pl.DataFrame(
        {
            "era": list(_NAMES),
            "year_0": [era.year_0 for era in _NAMES.values()],
            "first": [era.first for era in _NAMES.values()],
            "last": [era.last for era in _NAMES.values()],
        }
    )
    found = text.to_frame("text").select("text", pl.col("text").str.extract_groups(pattern).alias("parts"))
    number = pl.when(pl.col("year") == "元").then(pl.lit("1")).otherwise("year").cast(pl.Int64, strict=False)
    joined = found.unnest("parts").join(eras, on="era", how="left", maintain_order="left")
    return joined.with_columns((pl.col("year_0") + pl.when(number > 0).then(number)).alias("ad"))
