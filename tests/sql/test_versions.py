"""Corrections, withdrawals, restorations: which version of a record counts."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.sql.trial import Trial, at

DAY = date(2026, 3, 2)


def people(trial: Trial) -> list[tuple[Any, ...]]:
    return trial.tables().rows("SELECT subject_id, sex, delivery_id FROM core.participants ORDER BY subject_id")


def send(trial: Trial, people: dict[str, str], **delivery: Any) -> str:
    """One delivery of participants: subject → sex."""
    delivery_id = trial.delivery("oxford", "participants", **delivery)
    for subject, sex in people.items():
        trial.add("participants", "oxford", delivery_id, subject_id=subject, sex=sex)
    return delivery_id


def log(trial: Trial, events: dict[str, str], **delivery: Any) -> str:
    """One delivery of the log: event → module."""
    delivery_id = trial.delivery("oxford", "usage", **delivery)
    for event_id, module in events.items():
        trial.event("001", at("2026-03-03T10:00"), event_id=event_id, module=module, delivery=delivery_id)
    return delivery_id


def test_one_delivery_leaves_nothing_contested(trial: Trial) -> None:
    trial.event("001", at("2026-03-03T10:00"))
    db = trial.tables("core.usage", "core.usage_history")
    assert db.rows("FROM core.contested") == db.rows("FROM core.usage_history") == []


def test_the_newest_version_counts(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"})
    send(trial, {"001": "M", "002": "F"})
    assert people(trial) == [("001", "M", "d2"), ("002", "F", "d2")]


def test_a_full_export_withdraws_what_it_leaves_out(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"})
    send(trial, {"001": "F"})
    assert people(trial) == [("001", "F", "d2")]


def test_an_incremental_delivery_withdraws_nothing(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"})
    send(trial, {"001": "M"}, scope="incremental")
    assert people(trial) == [("001", "M", "d2"), ("002", "F", "d1")]


def test_what_comes_back_is_restored(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"})
    send(trial, {"001": "F"})
    send(trial, {"001": "F", "002": "M"})
    assert people(trial) == [("001", "F", "d3"), ("002", "M", "d3")]


def test_only_the_last_full_export_and_what_follows_is_looked_at(trial: Trial) -> None:
    for page in ("a", "b", "c", "d"):
        log(trial, {"e1": page}, scope="full")
    log(trial, {"e1": "e"})
    db = trial.tables("core.usage")
    standing = "SELECT delivery_id FROM core.counted_delivery WHERE replaced_by_seq IS NULL ORDER BY sequence"
    assert db.rows(standing) == [("d4",), ("d5",)]
    assert db.rows("SELECT delivery_id, counts FROM core.contested ORDER BY 1") == [("d4", False), ("d5", True)]
    assert db.rows("SELECT event_id, module, delivery_id FROM core.usage") == [("e1", "e", "d5")]


def test_of_several_older_versions_the_newest_is_upheld(trial: Trial) -> None:
    for sex in "FMX":
        send(trial, {"001": sex, "002": "F"})
    last = send(trial, {"002": "F"}, status="partial")
    trial.refuse("participants", "oxford", last, "001")
    assert people(trial) == [("001", "X", "d3"), ("002", "F", "d4")]


def test_an_upheld_version_yields_to_a_newer_one_of_another_stream(trial: Trial) -> None:
    send(trial, {"001": "F"})
    send(trial, {"001": "M"}, stream="other")
    last = send(trial, {}, status="partial")
    trial.refuse("participants", "oxford", last, "001")
    assert people(trial) == [("001", "M", "d2")]


def test_an_incremental_delivery_restores_too(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"})
    send(trial, {"001": "F"})
    send(trial, {"002": "X"}, scope="incremental")
    assert people(trial) == [("001", "F", "d2"), ("002", "X", "d3")]


def test_an_older_content_sent_again_takes_the_correction_back(trial: Trial) -> None:
    for sex in ("F", "M", "F"):
        send(trial, {"001": sex})
    assert people(trial) == [("001", "F", "d3")]


def test_the_place_in_the_sequence_decides_not_the_order_of_arrival(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"}, sequence=20)
    send(trial, {"001": "M"}, sequence=10)
    assert people(trial) == [("001", "F", "d1"), ("002", "F", "d1")]


def test_a_quarantined_row_never_replaces_an_accepted_one_but_is_there(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"})
    second = send(trial, {"002": "M"}, status="partial")
    trial.refuse("participants", "oxford", second, "001")
    trial.refuse("participants", "oxford", second, "001")
    assert people(trial) == [("001", "F", "d1"), ("002", "M", "d2")]


def test_a_row_quarantined_once_and_then_left_out_is_withdrawn(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"})
    second = send(trial, {"002": "F"}, status="partial")
    trial.refuse("participants", "oxford", second, "001")
    send(trial, {"002": "F"})
    assert people(trial) == [("002", "F", "d3")]


def test_a_quarantined_row_whose_key_cannot_be_read_holds_nothing(trial: Trial) -> None:
    send(trial, {"001": "F", "002": "F"})
    second = send(trial, {"002": "F"}, status="partial")
    trial.refuse("participants", "oxford", second, None)
    assert people(trial) == [("002", "F", "d2")]


@pytest.mark.parametrize("status", ["rejected", "held", "repeat"])
def test_deliveries_that_do_not_count_change_nothing(trial: Trial, status: str) -> None:
    send(trial, {"001": "F", "002": "F"})
    trial.delivery("oxford", "participants", status=status)
    assert people(trial) == [("001", "F", "d1"), ("002", "F", "d1")]


def test_streams_of_a_feed_withdraw_only_their_own(trial: Trial) -> None:
    # 001 is in both streams; the first stream's export leaves it out, the other's older version counts again.
    send(trial, {"001": "F", "002": "F"}, stream="other")
    send(trial, {"001": "M", "003": "F"}, stream="house")
    send(trial, {"003": "F"}, stream="house")
    assert people(trial) == [("001", "F", "d1"), ("002", "F", "d1"), ("003", "F", "d3")]


def test_what_two_streams_say_alike_is_one_version_of_the_delivery_that_still_says_so(trial: Trial) -> None:
    send(trial, {"001": "F"}, stream="other")
    send(trial, {"001": "F"}, stream="house")
    send(trial, {}, stream="house")
    assert people(trial) == [("001", "F", "d1")]
    history = trial.tables("core.participants").rows(
        "SELECT delivery_id, valid_from_seq, valid_to_seq FROM core.participants_history"
    )
    assert history == [("d1", 1, None)]


def test_a_repetition_starts_no_interval_and_a_gap_ends_one(trial: Trial) -> None:
    for people_sent in ({"001": "F"}, {"001": "F"}, {}, {"001": "F"}, {"001": "M"}):
        send(trial, people_sent)
    history = trial.tables("core.participants").rows(
        "SELECT sex, delivery_id, valid_from_seq, valid_to_seq, CAST(valid_from AS DATE), CAST(valid_to AS DATE) "
        "FROM core.participants_history ORDER BY valid_from_seq"
    )
    assert history == [
        ("F", "d2", 1, 3, date(2026, 1, 2), date(2026, 1, 4)),
        ("F", "d4", 4, 5, date(2026, 1, 5), date(2026, 1, 6)),
        ("M", "d5", 5, None, date(2026, 1, 6), None),
    ]


def test_sites_do_not_meet(trial: Trial) -> None:
    send(trial, {"001": "F"})
    trial.add("participants", "miyazaki", subject_id="001", sex="M")
    trial.add("participants", "miyazaki", trial.delivery("miyazaki", "participants"), subject_id="002", sex="M")
    assert people(trial) == [("001", "F", "d1"), ("002", "M", "d3")]


def test_a_form_is_corrected_item_by_item(trial: Trial) -> None:
    # The second, incremental delivery corrects item 1, empties item 2 and says nothing of the others.
    trial.person("001")
    trial.form("001", "gad7", at("2026-03-02T10:00"), {str(n): 1 for n in range(1, 8)})
    trial.delivery("oxford", "questionnaires", scope="incremental")
    trial.form("001", "gad7", at("2026-03-02T10:00"), {"1": 3, "2": None})
    found = trial.tables().row("SELECT aseq, aval, nmiss FROM analysis.adqs")
    assert found == (1, (3 + 5) * 7 / 6, 1)


def test_overlapping_parts_of_a_log_count_every_event_once(trial: Trial) -> None:
    trial.person("001")
    for numbers in ((1, 2, 3), (3, 4)):
        delivery = trial.delivery("oxford", "usage")
        for n in numbers:
            trial.event("001", at(f"2026-03-03T10:0{n}"), event_id=f"e{n}", delivery=delivery)
    assert trial.tables().row("SELECT n_events FROM engagement.session") == (4,)
