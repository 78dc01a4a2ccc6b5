"""Local times against Python's own time zones, and the hours that exist twice or never."""

# ruff: noqa: DTZ001 - naive times are what is tested
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.study.shapes import Offset
from pipelines.validation.clock import read_dates, read_times

ZONES = ["Europe/London", "Asia/Tokyo", "Asia/Hong_Kong", "America/St_Johns", "Australia/Lord_Howe"]


def one(text: str | None, zone: str = "Europe/London", shape: str | None = None) -> tuple[object, object, object]:
    return read_times(pl.Series("t", [text], dtype=pl.String), zone, shape).row(0)


@pytest.mark.parametrize(
    ("text", "instant", "note"),
    [
        ("2025-10-26T00:59:59", datetime(2025, 10, 25, 23, 59, 59), None),
        ("2025-10-26T01:00:00", datetime(2025, 10, 26, 0, 0), "ambiguous"),
        ("2025-10-26 01:30", datetime(2025, 10, 26, 0, 30), "ambiguous"),
        ("2025-10-26T01:30:00+00:00", datetime(2025, 10, 26, 1, 30), None),
        ("2025-10-26T01:30:00+0100", datetime(2025, 10, 26, 0, 30), None),
        ("2025-10-26T01:30Z", datetime(2025, 10, 26, 1, 30), None),
        ("2025-10-26T02:00:00", datetime(2025, 10, 26, 2, 0), None),
        ("2026-03-29T00:59:59.999999", datetime(2026, 3, 29, 0, 59, 59, 999999), None),
        ("2026-03-29T02:00:00", datetime(2026, 3, 29, 1, 0), None),
        ("2026-01-05T10:00:00-03:30", datetime(2026, 1, 5, 13, 30), None),
    ],
)
def test_oxford_in_autumn_and_spring(text: str, instant: datetime, note: str | None) -> None:
    assert one(text) == (instant.replace(tzinfo=UTC), note, None)


@pytest.mark.parametrize("text", ["2026-03-29T01:00", "2026-03-29 01:30:00", "2026-03-29T01:59:59.9"])
def test_an_hour_that_never_was(text: str) -> None:
    assert one(text) == (None, None, "nonexistent_time")
    assert one(text, "Asia/Tokyo")[2] is None


@pytest.mark.parametrize(
    "text",
    ["", "x", "2026-01-05", "10:00", "2026-01-05T1:00", "2026-01-05T10:60", "2026-01-05T10:00:00+15:00",
     "2026-01-05T10:00:00 Z ", "2026-13-01T10:00", "2026-02-30T10:00:00Z", "+2026-1-05T00:00:00Z", "2026-01-05T10"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    assert one(text) == (None, None, "unreadable_time")


def test_nothing_is_no_fault() -> None:
    assert one(None) == (None, None, None)


def test_one_odd_time_does_not_change_how_the_others_are_read() -> None:
    plain = ["2026-01-05T10:00:00Z", "2026-07-05T10:00:00Z"]
    alone = read_times(pl.Series(plain), "Europe/London", None)
    mixed = read_times(pl.Series([*plain, "2026-07-05T11:00"]), "Europe/London", None)
    assert mixed.head(2).equals(alone)
    assert mixed["instant"][2] == mixed["instant"][1]


@st.composite
def about_twenty_signs(draw: st.DrawFn) -> str:
    """What looks like a time in UTC, or nearly."""
    year, month, day = draw(st.integers(0, 9999)), draw(st.integers(0, 13)), draw(st.integers(0, 32))
    clock = f"{draw(st.integers(0, 24)):02}:{draw(st.integers(0, 60)):02}:{draw(st.integers(0, 61)):02}"
    signs = list(f"{year:04}-{month:02}-{day:02}T{clock}Z")
    for _ in range(draw(st.integers(0, 2))):
        signs[draw(st.integers(0, len(signs) - 1))] = draw(st.sampled_from([*"0189TZ:+-. ,\t\0é", ""]))
    return "".join(signs)


@settings(max_examples=500, deadline=None)
@given(about_twenty_signs())
@example("2026-01-05 10:00:00Z")
@example("2026-01-05T1000+0900")
@example("2026-02-30T10:00:00Z")
@example("0000-02-29T10:00:00Z")
def test_a_file_of_times_in_utc_alone_is_read_as_among_others(text: str) -> None:
    alone = read_times(pl.Series([text, None]), "Europe/London", None)
    mixed = read_times(pl.Series([text, None, "2026-07-05T11:00"]), "Europe/London", None)
    assert mixed.head(2).equals(alone)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)), min_size=1, max_size=20),
    st.sampled_from(ZONES),
)
def test_local_times_agree_with_python(moments: list[datetime], zone: str) -> None:
    found = read_times(pl.Series([m.isoformat() for m in moments]), zone, None)
    for moment, (instant, note, rule) in zip(moments, found.rows(), strict=True):
        early, late = (moment.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
        exists = early.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == moment
        if exists:
            assert (instant, note, rule) == (early, "ambiguous" if early != late else None, None)
        else:
            assert (instant, rule) == (None, "nonexistent_time")


@settings(deadline=None)
@given(st.dates(date(1, 1, 1), date(9999, 12, 31)))
def test_dates(day: date) -> None:
    assert read_dates(pl.Series([day.isoformat()]), None).to_list() == [day]


@pytest.mark.parametrize(
    "text", ["2026-1-05", "2026-01-5", "20260105", "2026/01/05", "46027", "5-Jan", "2026-01-05T", ""]
)
def test_what_is_no_date(text: str) -> None:
    assert read_dates(pl.Series([text]), None).to_list() == [None]


def test_declared_shapes_of_dates() -> None:
    assert read_dates(pl.Series(["05.01.2026", "5.1.26", None]), "%d.%m.%Y").to_list() == [date(2026, 1, 5), None, None]
    assert read_dates(pl.Series(["2026-01-05 10:00"]), "%Y-%m-%d %H:%M").to_list() == [date(2026, 1, 5)]
    weeks = Offset(origin=date(2026, 1, 5), every_days=7)
    texts = ["1", "2", "2.0", "0", "-1", "1.5", "x", None, "1e30"]
    expected = [0, 1, 1, -1, -2, None, None, None, None]
    found = read_dates(pl.Series(texts), weeks).to_list()
    assert found == [None if n is None else date(2026, 1, 5) + timedelta(weeks=n) for n in expected]


def test_a_declared_shape_may_hold_the_offset() -> None:
    assert one("05/01/2026 10:00 +0900", shape="%d/%m/%Y %H:%M %z")[0] == datetime(2026, 1, 5, 1, tzinfo=UTC)
    assert one("26/10/2025 01:30", shape="%d/%m/%Y %H:%M") == (
        datetime(2025, 10, 26, 0, 30, tzinfo=UTC),
        "ambiguous",
        None,
    )
    assert one("nonsense", shape="%d/%m/%Y %H:%M")[2] == "unreadable_time"
