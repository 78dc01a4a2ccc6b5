"""The calendar date of each instant of a log, by the clock of the site.

To ask the rules of a zone about every row costs more than to read its time. What they say changes seldom:
so of many rows it is found out once from when on the clock was how far ahead, and that is added.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

MANY = 20_000  # rows; to look for the changes of the clock pays for no fewer
MOST_PERIODS = 100
DAY = 86_400_000_000  # microseconds
PERIOD = 365 * DAY


def site_days(instants: pl.Series, zone: str) -> pl.Series:
    """The date that a calendar in `zone` shows at each instant (of UTC, in microseconds)."""
    import polars as pl

    since_1970 = instants.to_physical()
    first, last = since_1970.min(), since_1970.max()
    if not isinstance(first, int) or not isinstance(last, int) or not _pays(len(instants), last - first):
        return instants.dt.convert_time_zone(zone).dt.date()
    periods = range(first // PERIOD, last // PERIOD + 1)
    changes = [change for period in periods for change in _changes(zone, period)]
    moments = [moment for moment, _ in changes]
    changes = changes[bisect_right(moments, first) - 1 : bisect_right(moments, last)]
    return (since_1970 + _ahead(since_1970, changes)).cast(pl.Datetime("us")).dt.date()


def _pays(n: int, span: int) -> bool:
    return n >= MANY and span <= MOST_PERIODS * PERIOD


def _ahead(since_1970: pl.Series, changes: list[tuple[int, int]]) -> int | pl.Series:
    """How far the clock is ahead at each moment, by the changes, of which the first is not after any of them."""
    import polars as pl

    if len({ahead for _, ahead in changes}) == 1:
        return changes[0][1]
    moments, ahead = zip(*changes, strict=True)
    ordinal = pl.Series(moments).search_sorted(since_1970.fill_null(moments[0]), side="right") - 1
    return pl.Series(ahead).gather(ordinal)


@lru_cache(maxsize=1024)
def _changes(zone: str, period: int) -> list[tuple[int, int]]:
    """When the clock is set in a period, and how far it is ahead of UTC from then on; the period's beginning first.

    No clock of the time zone database was ever set twice within four days: who looks at each day's beginning sees every
    change.
    """
    days = range(period * PERIOD, (period + 1) * PERIOD + 1, DAY)
    ahead = _ahead_at(list(days), zone)
    found = [(days[0], ahead[0])]
    for i in range(1, len(days)):
        if ahead[i] != ahead[i - 1]:
            found.append((_set_between(days[i - 1], days[i], zone), ahead[i]))
    return found


def _set_between(before: int, after: int, zone: str) -> int:
    """The first moment at which a clock that is set once between two moments shows the new time."""
    new = _ahead_at([after], zone)[0]
    moments = range(before, after)
    return before + bisect_left(moments, True, key=lambda moment: _ahead_at([moment], zone)[0] == new)


def _ahead_at(moments: list[int], zone: str) -> list[int]:
    """How far the clock is ahead of UTC."""
    import polars as pl

    utc = pl.Series(moments, dtype=pl.Int64)
    there = utc.cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return list(there.to_physical() - utc)
