"""An export that has changed is told apart from one that says something else about people."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipelines.warehouse.dictionary import load_dictionary
from tests.sql.exports import CHANGES, Column, coded, column, export, item
from tests.sql.trial import Trial, at, phq9, with_study


def drift(trial: Trial, columns: str = "column_name, change, was, became") -> list[tuple[Any, ...]]:
    return trial.tables("quality.drift").rows(f"SELECT {columns} FROM quality.drift ORDER BY ALL")


def changed(trial: Trial, before: list[Column], now: list[Column], columns: str = "column_name, change") -> list[Any]:
    export(trial, *before)
    export(trial, *now)
    return drift(trial, columns)


@pytest.mark.parametrize("change", CHANGES)
def test_each_kind_of_change_is_told(trial: Trial, change: str) -> None:
    assert [kind for _, kind in changed(trial, *CHANGES[change])] == [change]


@pytest.mark.parametrize("change", CHANGES)
def test_an_export_that_stays_the_same_changes_nothing(trial: Trial, change: str) -> None:
    for columns in CHANGES[change]:
        export(trial, *columns, stream=f"own_{len(trial.deliveries) // 2}")
        export(trial, *columns, stream=trial.deliveries[-1]["stream"])
    assert drift(trial) == []


def test_a_change_says_what_was_and_what_is(trial: Trial) -> None:
    columns = "column_name, change, was, became, severity"
    before = [
        coded("sex", {"1": 60, "2": 40}),
        item("phq9_1", {"0": 50, "3": 50}),
        column("gone"),
        column("x", "", "unknown"),
    ]
    now = [item("phq9_1", {"1": 50, "3": 30}, unknown=20), coded("sex", {"F": 55, "M": 40}, unknown=5), column("new")]
    assert changed(trial, before, now, columns) == [
        ("gone", "gone", "column 3", "not there", "critical"),
        ("new", "new", "not there", "column 3", "notice"),
        ("phq9_1", "moved", "column 2", "column 1", "notice"),
        ("phq9_1", "range_shifted", "from 0 to 3", "from 1 to 3, beyond the scale (20)", "critical"),
        ("sex", "moved", "column 1", "column 2", "notice"),
        ("sex", "recoded", "1 (60), 2 (40)", "F (55), M (40), undefined (5)", "warning"),
        ("x", "gone", "column 4", "not there", "notice"),
    ]


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        ("abcdef", "bcdefa", ["a"]),
        ("abcdef", "fabcde", ["f"]),
        ("abcdef", "bacdef", ["a", "b"]),
        ("abcdef", "xabcdef", []),
        ("abcdef", "acdef", []),
        ("abcdef", "cdefxab", ["a", "b"]),
    ],
)
def test_only_what_was_moved_has_moved(trial: Trial, before: str, now: str, moved: list[str]) -> None:
    found = changed(trial, [column(name) for name in before], [column(name) for name in now])
    assert [name for name, change in found if change == "moved"] == moved


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ({"0": 50, "1": 50}, {"1": 60, "2": 40}, True),
        ({"0": 9, "1": 91}, {"1": 60, "2": 40}, False),  # nine zeros may well be none another time
        ({"0": 10, "1": 90}, {"1": 100}, True),
        ({"0": 50, "1": 50}, {"1": 19}, False),  # nine and a half are wanting
        ({"0": 50, "1": 50}, {"0": 1, "1": 99}, False),
        ({"1": 50, "2": 50}, {"1": 50, "2": 50}, False),  # never had a zero
    ],
)
def test_a_scale_that_starts_at_one(trial: Trial, before: dict[str, int], now: dict[str, int], found: bool) -> None:
    changes = changed(trial, [item("phq9_1", before)], [item("phq9_1", now)])
    assert (("phq9_1", "range_shifted") in changes) is found


def test_few_answers_to_each_item_are_enough_in_a_whole_instrument(trial: Trial) -> None:
    before = [item(f"phq9_{n}", {"0": 4, "1": 8}) for n in range(1, 10)]
    now = [item(f"phq9_{n}", {"1": 8, "2": 4}) for n in range(1, 10)]
    assert {change for _, change in changed(trial, before, now)} == {"range_shifted"}
    assert len(drift(trial)) == 9


def test_one_zero_in_the_instrument_speaks_for_all_its_items(trial: Trial) -> None:
    before = [item(f"phq9_{n}", {"0": 4, "1": 8}) for n in range(1, 10)]
    now = [item(f"phq9_{n}", {"1": 12} if n > 1 else {"0": 1, "1": 11}) for n in range(1, 10)]
    assert changed(trial, before, now) == []


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (coded("s", {"a": 100}), coded("s", {"a": 75, "b": 25}), False),  # new codes alone: the trial goes on
        (coded("s", {"a": 75, "b": 25}), coded("s", {"a": 100}), False),
        (coded("s", {"a": 75, "b": 25}), coded("s", {"a": 75, "c": 25}), True),
        (coded("s", {"a": 76, "b": 24}), coded("s", {"a": 75, "c": 25}), False),
        (coded("s", {"a": 19}), coded("s", {"b": 19}), False),  # too few
        (coded("s", {"a": 100}), coded("s", {"a": 75}, unknown=25), True),
        (coded("s", {"a": 100}), coded("s", {"a": 76}, unknown=24), False),
        (coded("s", {"a": 50}, unknown=50), coded("s", {"a": 50}, unknown=50), False),
        (coded("visit", {"a": 50}, declared="label"), coded("visit", {"b": 50}, declared="label"), False),
        (coded("visit", {"a": 50}, declared="label"), coded("visit", {}, unknown=50, declared="label"), True),
    ],
)
def test_codes_that_went_and_came(trial: Trial, before: Column, now: Column, found: bool) -> None:
    assert ("recoded" in [change for _, change in changed(trial, [before], [now])]) is found


@pytest.mark.parametrize(("typical", "found"), [(100.0, False), (2900.0, False), (3000.0, True), (100 / 30, True)])
def test_a_measurement_in_another_unit(trial: Trial, typical: float, found: bool) -> None:
    before, now = (column("d", declared="number", kind="decimal", typical=size) for size in (100.0, typical))
    assert changed(trial, [before], [now]) == ([("d", "range_shifted")] if found else [])


def test_whole_and_broken_numbers_are_the_same_kind_of_measurement(trial: Trial) -> None:
    before, now = (column("d", declared="number", kind=kind) for kind in ("integer", "decimal"))
    assert changed(trial, [before], [now]) == []


def test_a_column_that_is_empty_more_often_than_chance_allows(trial: Trial) -> None:
    before = [column("a", n_filled=90), column("b", n_filled=90), column("c", n_filled=10)]
    assert changed(trial, before, [column("a", n_filled=66), column("b", n_filled=65), column("c", n_filled=90)]) == [
        ("b", "missing_jumped")
    ]


def test_a_refused_header_is_compared_with_the_last_one_that_counted(trial: Trial) -> None:
    good, bad = [column("a"), column("b")], [column("a", declared="unread", n_cells=None, n_filled=None)]
    trial.as_of = date(2026, 1, 20)
    first = export(trial, *good)
    refused = export(trial, *bad, status="rejected")
    assert drift(trial, "delivery_id, previous_delivery_id, column_name, change, stands") == [
        (refused, first, "b", "gone", True)
    ]
    export(trial, *good)
    assert drift(trial, "column_name, stands") == [("b", False)], (
        "made good, and the next one is compared with the first"
    )


def test_an_alert_stands_until_it_is_changed_back_or_old(trial: Trial) -> None:
    export(trial, column("a"), column("b"), received_at=at("2026-03-01T12:00"))
    export(trial, column("a"), received_at=at("2026-03-08T12:00"))
    export(trial, column("a"), received_at=at("2026-03-15T12:00"))
    trial.as_of = at("2026-04-05T00:00").date()
    assert drift(trial, "change, stands") == [("gone", True)]
    trial.as_of = at("2026-04-06T00:00").date()
    assert drift(trial, "change, stands") == [("gone", False)], "after 28 days it is known"
    export(trial, column("a"), column("b"), received_at=at("2026-03-22T12:00"))
    trial.as_of = at("2026-03-23T00:00").date()
    assert drift(trial, "change, stands") == [("gone", False), ("new", True)]


def test_a_column_that_was_announced_is_no_alert(trial: Trial) -> None:
    trial.as_of = date(2026, 1, 20)
    announced = column("b", expected_since=date(2026, 1, 3))
    found = changed(trial, [column("a")], [column("a"), announced, column("c")], "column_name, expected_since, stands")
    assert found == [("b", date(2026, 1, 3), False), ("c", None, True)]
    export(trial, column("a"))
    assert ("b", "gone", True) in drift(trial, "column_name, change, stands")


def test_streams_and_repeats_are_not_mixed(trial: Trial) -> None:
    export(trial, column("a"), stream="one")
    export(trial, column("b"), stream="two")
    export(trial, column("b"), stream="one", status="repeat")
    assert drift(trial) == []


def test_a_log_of_few_events_may_lack_a_column(trial: Trial) -> None:
    whole = [column("id"), column("seconds", n_filled=50)]
    export(trial, *whole, feed="usage", ordered=False)
    export(trial, column("id", n_cells=19, n_filled=19), feed="usage", ordered=False)
    assert drift(trial) == []
    export(trial, *whole, feed="usage", ordered=False)
    export(trial, column("id", n_cells=20, n_filled=20), feed="usage", ordered=False)
    assert [row[:2] for row in drift(trial)] == [("seconds", "gone"), ("seconds", "new")]


def test_the_limits_are_the_study_files(trial: Trial) -> None:
    deliveries = trial.protocol.study.deliveries
    strict = deliveries.model_copy(update={"drift": deliveries.drift.model_copy(update={"share": 0.9})})
    trial.protocol = with_study(trial.protocol, deliveries=strict)
    assert changed(trial, *CHANGES["missing_jumped"]) == []


def test_the_blinded_file_has_neither_programme_forms_nor_what_columns_hold(trial: Trial) -> None:
    table = load_dictionary()["quality.drift"]
    assert {table.columns[name].blinding for name in ("was", "became")} == {"revealing"}
    for stream in ("visits", "weekly"):
        for columns in CHANGES["gone"]:
            export(trial, *columns, stream=stream)
    trial.person("001")
    for form, delivery in (("BASELINE", "d2"), ("WEEKLY", "d4")):
        trial.form("001", "phq9", at("2026-03-02T10:00").date(), phq9(9), visit=form, delivery=delivery)
    db = trial.tables("quality.drift", "quality.shown_delivery")
    assert db.rows("SELECT count(*) FROM quality.drift") == [(2,)]
    assert db.rows(f"SELECT stream FROM quality.drift WHERE {table.keep_when}") == [("visits",)]
