"""Dates, numbers and codes in the ways that a study file declares them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.study.load import Protocol
from pipelines.study.shapes import Number
from pipelines.validation.clock import read_dates, read_years
from pipelines.validation.japanese_era import as_iso, is_of_an_era
from pipelines.validation.numbers import read_numbers
from tests.landing.dialects.site import csv_text, sent, site_with
from tests.validation.deliver import Read

PEOPLE = {"subject_id": "id", "consent_date": "consent", "birth_year": "born", "sex": "sex", "status": "status"}


def people(folder: Path, protocol: Protocol, *rows: list[str], **facts: Any) -> Read:
    content = csv_text([*PEOPLE.values()], rows)
    return sent(folder, site_with(protocol, ("participants", {"columns": PEOPLE, **facts})), "participants", content)


def contacts(folder: Path, protocol: Protocol, *minutes: str, **facts: Any) -> Read:
    columns = {name: name for name in ("contact_id", "subject_id", "minutes")}
    content = csv_text([*columns], [[f"c{n}", "A1", cell] for n, cell in enumerate(minutes)])
    return sent(folder, site_with(protocol, ("contacts", {"columns": columns, **facts})), "contacts", content)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("令和6年5月1日", "2024-05-01"),
        ("令和６年５月１日", "2024-05-01"),
        ("㋿6年5月1日", "2024-05-01"),  # one sign for both letters
        ("R6.5.1", "2024-05-01"),
        ("r6/05/01", "2024-05-01"),
        ("令6-5-1", "2024-05-01"),
        ("令和元年5月1日", "2019-05-01"),
        ("平成31年4月30日", "2019-04-30"),
        ("平成元年1月8日", "1989-01-08"),
        ("昭和64年1月7日", "1989-01-07"),
        ("S55.2.29", "1980-02-29"),
        ("大正15年12月25日", "1926-12-25"),
        ("昭和元年12月25日", "1926-12-25"),
        ("明治6年1月1日", "1873-01-01"),
        ("平成31年5月1日", None),  # a day after the era ended
        ("昭和64年1月8日", None),
        ("令和元年4月30日", None),
        ("明治5年12月2日", None),  # before Japan counted by this calendar
        ("R6.2.30", None),
        ("R0.5.1", None),
        ("2024-05-01", None),
    ],
)
def test_a_declared_era_is_read_to_the_day(
    tmp_path: Path, ict_sad: Protocol, written: str, expected: str | None
) -> None:
    read = people(tmp_path, ict_sad, ["A1", written, "", "", ""], dates={"consent_date": "japanese_era"})
    assert read.counts == (1, 1, 0, 0) if expected else (1, 0, 1, 0)
    assert [str(d) for d in read.accepted["consent_date"]] == ([expected] if expected else [])
    if expected is None:
        assert read.refused() == [(1, "unreadable_date", "consent")]
        assert "on a day of that era" in read.quarantine["message"][0]


@pytest.mark.parametrize("written", ["令和6年5月1日", "R6.5.1", "令和６年５月１日", "H31.4.30"])
def test_an_era_that_nobody_declared_is_refused_and_the_message_says_how_to(
    tmp_path: Path, ict_sad: Protocol, written: str
) -> None:
    for shape in (None, "%Y/%m/%d"):
        read = people(
            tmp_path, ict_sad, ["A1", written, "", "", ""], ["A2", "1-Mar", "", "", ""],
            dates={"consent_date": shape} if shape else {},
        )  # fmt: skip
        assert read.refused() == [(1, "unreadable_date", "consent"), (2, "unreadable_date", "consent")]
        of_an_era, other = read.quarantine["message"]
        assert "`dates: {consent_date: japanese_era}`" in of_an_era and "era" not in other
        assert written not in read.texts


@settings(max_examples=150, deadline=None)
@given(st.dates(date(1873, 1, 1), date(2200, 12, 31)))
def test_every_day_since_1873_has_a_date_of_an_era(day: date) -> None:
    first = [(date(2019, 5, 1), "R", 2018), (date(1989, 1, 8), "H", 1988), (date(1926, 12, 25), "S", 1925)]
    first += [(date(1912, 7, 30), "T", 1911), (date(1, 1, 1), "M", 1867)]
    letter, year_0 = next((letter, year_0) for begins, letter, year_0 in first if day >= begins)
    written = f"{letter}{day.year - year_0}.{day.month}.{day.day}"
    if day.year - year_0 < 100:
        assert read_dates(pl.Series([written]), "japanese_era").to_list() == [day]
        assert is_of_an_era(pl.Series([written])).to_list() == [True]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12))
def test_no_text_breaks_the_reading_of_eras(text: str) -> None:
    series = pl.Series("x", [text, None, "R6.5.1"])
    assert as_iso(series).to_list()[1:] == [None, "2024-05-01"]
    assert read_years(series, "japanese_era").to_list()[1:] == [None, 2024]


def test_a_time_by_an_era(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {
        "columns": {"contact_id": "id", "occurred_at": "when"},
        "dates": {"occurred_at": "japanese_era"},
        "timezone": "Asia/Tokyo",
    }
    content = "id,when\nc1,R6.5.1 9:30\nc2,令和6年5月1日 21:00:05\nc3,令和6年5月1日\n"
    read = sent(tmp_path, site_with(ict_sad, ("contacts", facts)), "contacts", content)
    assert [str(t)[:19] for t in read.accepted["occurred_at"]] == ["2024-05-01 00:30:00", "2024-05-01 12:00:05"]
    assert read.refused() == [(3, "unreadable_time", "when")]


@pytest.mark.parametrize(
    ("shape", "cells", "years"),
    [
        ("%Y-%m-%d", ["1980-02-29", "1980", "x"], [1980, None, None]),
        ("japanese_era", ["昭和55年2月29日", "昭和55年", "S55", "昭和65年"], [1980, 1980, 1980, None]),
        (["%d/%m/%Y", "japanese_era"], ["29/02/1980", "S55.2.29", "昭和55年"], [1980, 1980, 1980]),
    ],
)
def test_of_a_date_of_birth_the_year_alone_is_kept(
    tmp_path: Path, ict_sad: Protocol, shape: Any, cells: list[str], years: list[int | None]
) -> None:
    rows = [[f"A{n}", "", cell, "", ""] for n, cell in enumerate(cells)]
    read = people(tmp_path, ict_sad, *rows, dates={"birth_year": shape})
    assert read.accepted["birth_year"].to_list() == [year for year in years if year]
    assert {rule for _, rule, _ in read.refused()} <= {"unreadable_date"}
    assert read.rows.n_quarantined == years.count(None)


def test_the_first_format_that_reads_a_date_counts(tmp_path: Path, ict_sad: Protocol) -> None:
    cells = ["05/01/2026", "5.1.2026", "2026-01-05", "令和8年1月5日", "2026/01/05"]
    rows = [[f"A{n}", cell, "", "", ""] for n, cell in enumerate(cells)]
    shapes = ["%d/%m/%Y", "%d.%m.%Y", "iso8601", "japanese_era"]
    read = people(tmp_path, ict_sad, *rows, dates={"consent_date": shapes})
    assert [str(day) for day in read.accepted["consent_date"]] == ["2026-01-05"] * 4
    assert read.refused() == [(5, "unreadable_date", "consent")]
    assert "the form %d/%m/%Y or the form %d.%m.%Y or a calendar date" in read.quarantine["message"][0]


def test_several_formats_of_dates_and_times(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {
        "columns": {"subject_id": "id", "completed_at": "when", "item": "item", "value": "value"},
        "constants": {"instrument": "gad7", "visit": "WEEKLY"},
        "dates": {"completed_at": ["%d/%m/%Y %H:%M", "%d/%m/%Y", "iso8601"]},
    }
    whens = ["05/01/2026 10:30", "05/01/2026", "2026-01-05T10:30:00+09:00", "29/03/2026 01:30", "05/06/2026 12:00", "x"]
    content = csv_text(["id", "when", "item", "value"], [[f"A{n}", w, "1", "2"] for n, w in enumerate(whens)])
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", facts)), "questionnaires", content)
    assert read.accepted.select(pl.col("completed_at").cast(pl.String).str.head(19), "completed_on").rows() == [
        ("2026-01-05 10:30:00", date(2026, 1, 5)),
        (None, date(2026, 1, 5)),
        ("2026-01-05 01:30:00", date(2026, 1, 5)),
    ]
    assert read.refused() == [
        (4, "nonexistent_time", "when"), (5, "future_time", "when"), (6, "unreadable_date", "when"),
    ]  # fmt: skip


def test_unix_times(tmp_path: Path, ict_sad: Protocol) -> None:
    for shape, cell in (("unix_ms", "1639109479991"), ("unix_s", "1639109479")):
        facts = {"columns": {"contact_id": "id", "occurred_at": "ts"}, "dates": {"occurred_at": shape}}
        content = f"id,ts\nc1,{cell}\nc2,2021-12-10T04:11:19Z\n"
        read = sent(tmp_path, site_with(ict_sad, ("contacts", facts)), "contacts", content)
        assert str(read.accepted["occurred_at"][0])[:19] == "2021-12-10 04:11:19"
        assert read.refused() == [(2, "unreadable_time", "ts")]
        assert "since 1970-01-01 in UTC" in read.quarantine["message"][0]


def test_sentinels_of_dates_stand_for_none(tmp_path: Path, ict_sad: Protocol) -> None:
    none = ["1900-01-01", "9999-12-31"]
    rows = [["A1", "01/01/1900", "", "", ""], ["A2", "31/12/9999", "", "", ""], ["A3", "02/01/1900", "", "", ""]]
    read = people(tmp_path, ict_sad, *rows, dates={"consent_date": "%d/%m/%Y"}, missing_dates=none)
    assert read.accepted["consent_date"].to_list() == [None, None, date(1900, 1, 2)]
    facts = {
        "columns": {"contact_id": "id", "occurred_at": "when"},
        "missing_dates": none,
    }
    content = "id,when\nc1,9999-12-31T00:00:00Z\nc2,1900-01-01T00:00:00Z\nc3,2100-01-01T00:00:00Z\n"
    read = sent(tmp_path, site_with(ict_sad, ("contacts", facts)), "contacts", content)
    assert read.accepted["occurred_at"].to_list() == [None, None] and read.accepted["clock_note"].null_count() == 2
    assert read.refused() == [(3, "future_time", "when")]
    facts = {
        "columns": {"subject_id": "id", "completed_at": "when", "item": "item", "value": "value"},
        "constants": {"instrument": "gad7"},
        "missing_dates": none,
    }
    content = "id,when,item,value\nA1,9999-12-31,1,2\nA2,9999-12-30,1,2\n"
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", facts)), "questionnaires", content)
    assert read.refused() == [(1, "missing_key", "when"), (2, "future_time", "when")]


@pytest.mark.parametrize(
    ("shape", "cells", "minutes", "bad"),
    [
        ("decimal_comma", ["1,5", "12", "-0,5"], [1.5, 12.0], ["1.5", "1,5,0", "1.000,5", "x"]),
        ("clock", ["1:30", "0:01:30", "90:00:00.5"], [90.0, 90.0, 324000.5], ["90", "1:75", "1:5"]),
        ({"written": "clock", "divide_by": 60}, ["1:30", "10:00"], [1.5, 10.0], ["1,5"]),
        ("iso8601_duration", ["PT1M30S", "PT0S", "P1DT1H", "PT1,5S", "P2W"], [90, 0, 90000, 1.5, 1209600], ["P", "PT"]),
        ({"written": "iso8601_duration", "divide_by": 60}, ["PT45M"], [45.0], ["P1Y", "P1M", "45"]),
        ({"divide_by": 1000}, ["1500", "0.5"], [1.5, 0.0005], ["1,5", "inf"]),
    ],
)
def test_numbers_in_the_shape_declared(
    tmp_path: Path, ict_sad: Protocol, shape: Any, cells: list[str], minutes: list[float], bad: list[str]
) -> None:
    read = contacts(tmp_path, ict_sad, *cells, *bad, numbers={"minutes": shape})
    assert read.accepted["minutes"].to_list() == minutes
    refused = [rule for row, rule, _ in read.refused() if row > len(cells)]
    assert refused == ["unreadable_number"] * len(bad)


def test_a_comma_that_nobody_declared_is_refused_and_the_message_says_how_to(tmp_path: Path, ict_sad: Protocol) -> None:
    read = contacts(tmp_path, ict_sad, "1,5")
    assert read.refused() == [(1, "unreadable_number", "minutes")]
    assert "`decimal_comma` under `numbers`" in read.quarantine["message"][0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 30), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    text = pl.Series([f"P{days}DT{hours}H{minutes}M{seconds}S"])
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    assert read_numbers(text, Number(written="iso8601_duration")).to_list() == [total]


def test_full_width_digits_are_the_same_digits(tmp_path: Path, ict_sad: Protocol) -> None:
    row = ["Ａ１", "２０２６-０１-０５", "１９８０", "１", "　登録　"]
    values = {"sex": {"1": "F"}, "status": {"登録": "enrolled"}}
    read = people(tmp_path, ict_sad, row, values=values)
    assert read.counts == (1, 1, 0, 0)
    found = read.accepted.select("subject_id", "consent_date", "birth_year", "sex", "status").row(0)
    assert found == ("A1", date(2026, 1, 5), 1980, "F", "enrolled")
    facts = {
        "columns": {"subject_id": "id", "completed_at": "when"},
        "missing": ["９９"],
        "only": {"state": ["完了１"]},
        "forms": [{"instrument": "gad7", "items": {"{n}": "g{n}"}}],
    }
    header = ["id", "when", "state", *(f"g{n}" for n in range(1, 8))]
    rows = [["A1", "2026-01-05", "完了１", "１", "２.0", "99", "９９", *"123"]]
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", facts)), "questionnaires", csv_text(header, rows))
    assert read.accepted["value"].to_list() == ["1", "2", None, None, "1", "2", "3"]
    assert read.accepted["missing_reason"].to_list()[2:4] == ["not stated"] * 2


def test_free_text_stays_as_it_was_sent(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {"columns": {"subject_id": "id", "centre": "c", "status_reason": "why"}, "values": {"centre": {"1": "One"}}}
    content = "id,c,why\nA1,１,ｶﾅ①\nA2,第２,x\n"
    read = sent(tmp_path, site_with(ict_sad, ("participants", facts)), "participants", content)
    assert read.accepted.select("centre", "status_reason").rows() == [("One", "ｶﾅ①"), ("第２", "x")]


def test_missing_codes_of_all_of_one_column_and_of_one_form(tmp_path: Path, ict_sad: Protocol) -> None:
    facts: dict[str, Any] = {
        "columns": {"subject_id": "id", "completed_at": "when"},
        "missing": ["-99", "NA", "."],
        "missing_in": {"value": ["999"]},
        "forms": [
            {"instrument": "gad7", "items": {"{n}": "g{n}"}, "missing": ["8"]},
            {"instrument": "wsas", "items": {"{item}": "w{item}"}},
        ],
    }
    header = ["id", "when", *(f"g{n}" for n in range(1, 8)), *(f"w{n}" for n in range(1, 6))]
    rows = [["A1", "2026-01-05", "-99", "NA", ".", "999", "8", "-99.0", "3", *["8"] * 5]]
    rows.append(["A2", "2026-01-05", *["8"] * 7, *["999"] * 5])
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", facts)), "questionnaires", csv_text(header, rows))
    assert read.counts == (2, 2, 0, 0)
    of = {name: read.accepted.filter(pl.col("instrument") == name) for name in ("gad7", "wsas")}
    assert of["gad7"]["value"].to_list() == [*[None] * 6, "3"]
    assert of["wsas"]["value"].to_list() == ["8"] * 5
    read = people(tmp_path, ict_sad, ["9999", "", "9999", "", ""], missing_in={"birth_year": ["9999"]})
    assert read.accepted.select("subject_id", "birth_year").rows() == [("9999", None)]


def test_answers_with_a_decimal_comma(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {
        "columns": {"subject_id": "id", "completed_at": "when"},
        "numbers": {"value": "decimal_comma"},
        "forms": [{"instrument": "gad7", "items": {"{n}": "g{n}"}}],
    }
    header = ["id", "when", *(f"g{n}" for n in range(1, 8))]
    rows = [["A1", "2026-01-05", "1,0", "2", "", "1,5", "1.0", "9,0", "3"]]
    read = sent(tmp_path, site_with(ict_sad, ("questionnaires", facts)), "questionnaires", csv_text(header, rows))
    assert read.accepted["value"].to_list() == ["1", "2", None, "3"]
    assert read.refused() == [
        (1, "not_whole_number", "g4"), (1, "not_whole_number", "g5"), (1, "out_of_range", "g6"),
    ]  # fmt: skip


def test_items_of_a_long_file_by_a_pattern(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {
        "columns": {"subject_id": "id", "completed_at": "when", "item": "q", "value": "v"},
        "constants": {"instrument": "lsas_sr", "visit": "BASELINE"},
        "values": {"item": {"LSAS_{n}_F": "fear_{n}", "LSAS_{n}_A": "avoidance_{n}"}},
    }
    rows = [["A1", "2026-01-05", q, "2"] for q in ("LSAS_1_F", "LSAS_024_A", "LSAS_25_F", "other")]
    read = sent(
        tmp_path,
        site_with(ict_sad, ("questionnaires", facts)),
        "questionnaires",
        csv_text(["id", "when", "q", "v"], rows),
    )
    assert read.accepted["item"].to_list() == ["fear_1", "avoidance_24"]
    assert read.refused() == [(3, "unknown_item", "q"), (4, "unknown_item", "q")]


def test_the_folder_may_say_whose_file_it_is(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {"from_path": "{subject_id}/*", "columns": {"contact_id": "id"}}
    protocol = site_with(ict_sad, ("contacts", facts))
    read = sent(tmp_path, protocol, "contacts", "id\nc1\n", "16au2moz/2022-03-10.csv")
    assert read.accepted.select("contact_id", "subject_id").rows() == [("c1", "16au2moz")]
    read = sent(tmp_path, protocol, "contacts", "id\nc1\n", "2022-03-10.csv")
    assert "its path must say of whom it is, as {subject_id}/*" in str(read.rows.rejected)


def test_an_identifier_of_several_columns(tmp_path: Path, ict_sad: Protocol) -> None:
    facts = {"columns": {"subject_id": "id"}, "joined": {"contact_id": ["id", "n"]}}
    content = "id,n\nA1,1\nA1,\n,\n,3\n"
    read = sent(tmp_path, site_with(ict_sad, ("contacts", facts)), "contacts", content)
    assert read.accepted["contact_id"].to_list() == ["A1/1", "A1/"]
    assert read.refused() == [(3, "missing_key", "id, n"), (4, "bad_identifier", "id, n")]
