"""The calendar date at the site is the same whether a zone's rules are asked about every row or once for a log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.validation import site_day
from pipelines.validation.site_day import DAY, MANY, PERIOD, site_days

ZONES = sorted(set(available_timezones()) - {"localtime", "Factory"})
# The clock set twice within days, by no whole hour, at no whole minute, over a whole day, and never.
STRANGE = [
    ("Africa/Freetown", datetime(1939, 9, 5, tzinfo=UTC)),
    ("Africa/Monrovia", datetime(1972, 1, 7, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(1986, 1, 1, tzinfo=UTC)),
    ("America/New_York", datetime(1883, 11, 18, tzinfo=UTC)),
    ("Europe/Amsterdam", datetime(1937, 7, 1, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),
    ("Africa/Casablanca", datetime(2026, 2, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 5, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 3, 29, tzinfo=UTC)),
    ("Asia/Tokyo", datetime(2026, 3, 29, tzinfo=UTC)),
]


def _by_row(instants: pl.Series, zone: str) -> pl.Series:
    return instants.dt.convert_time_zone(zone).dt.date()


def _log(microseconds: list[int | None]) -> pl.Series:
    """As many instants as a log has that is worth a look."""
    some = pl.Series(microseconds, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
    return pl.concat([some] * (MANY // len(some) + 1))


@pytest.mark.parametrize(("zone", "around"), STRANGE)
def test_the_days_around_a_change_of_the_clock(zone: str, around: datetime) -> None:
    begins = around - timedelta(days=15)
    every = pl.datetime_range(begins, begins + timedelta(days=30), "53s", time_unit="us", time_zone="UTC", eager=True)
    assert len(every) > MANY
    assert site_days(every, zone).equals(_by_row(every, zone))


@settings(max_examples=75, deadline=None)
@given(st.data())
def test_any_instants_of_any_zone(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(ZONES))
    centre = data.draw(st.integers(-140 * PERIOD, 80 * PERIOD))
    spread = data.draw(st.sampled_from([DAY, PERIOD, 30 * PERIOD]))
    near = st.integers(centre - spread, centre + spread)
    log = _log(data.draw(st.lists(st.none() | near, min_size=1, max_size=50)))
    assert site_days(log, zone).equals(_by_row(log, zone))


@settings(max_examples=75, deadline=None)
@given(st.data())
def test_the_very_moments_at_which_a_clock_is_set(data: st.DataObject) -> None:
    zone = data.draw(st.sampled_from(ZONES))
    period = data.draw(st.integers(-140, 80))
    moments = [moment for moment, _ in site_day._changes(zone, period)]
    log = _log([moment + by for moment in moments for by in (-DAY, -1, 0, 1, DAY)])
    assert site_days(log, zone).equals(_by_row(log, zone))


def test_a_log_without_any_time_and_one_of_more_years_than_are_looked_at() -> None:
    for log in (_log([None]), _log([0, 200 * PERIOD])):
        assert site_days(log, "Europe/London").equals(_by_row(log, "Europe/London"))
