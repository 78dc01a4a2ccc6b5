"""Alerts about people's safety: every kind, what ends one, and what can hide one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from pipelines.study.load import Protocol
from pipelines.warehouse.graph import load_graph
from tests.sql.expected_oracle import alerts_of_items
from tests.sql.test_expected import some_trial
from tests.sql.trial import Trial, at, day, phq9

TABLES = ("safety.alert", "safety.serious_event", "quality.metric_safety")
NIGHT = at("2026-05-01T22:00")


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    trial = Trial(ict_sad, as_of=NIGHT.date())
    trial.delivery("oxford", "questionnaires", received_at=NIGHT, scope="incremental")
    return trial


def alerts(trial: Trial, columns: str = "subject_id, kind, severity, what, status") -> list[tuple[Any, ...]]:
    order = "ORDER BY subject_id NULLS LAST, kind, severity, what, noticed_at, occurred_on"
    return trial.tables(*TABLES).rows(f"SELECT {columns} FROM safety.alert {order}")


def item_9(trial: Trial, subject: str, value: int | None, **given: Any) -> None:
    facts = {"visit": "WEEKLY", "completed_at": day(30), **given}
    trial.add(
        "questionnaires", "oxford", subject_id=subject, instrument="phq9", item="9",
        value=None if value is None else str(value), **facts,
    )  # fmt: skip


def acknowledged(trial: Trial, alert_id: str, when: datetime, by: str = "Dr A") -> None:
    noted = trial.rows.setdefault("acknowledgement", [])
    noted.append({"acknowledgement_id": f"k{len(noted)}", "alert_id": alert_id, "given_by": by, "given_at": when})


def test_any_answer_but_the_lowest_is_an_alert_and_two_or_three_are_urgent(trial: Trial) -> None:
    for subject, value in (("001", 0), ("002", 1), ("003", 2), ("004", 3)):
        trial.person(subject)
        item_9(trial, subject, value)
    item_9(trial, "999", 3, visit="BASELINE")  # somebody whom nobody enrolled is in danger all the same
    trial.form("001", "gad7", day(30), {"7": 3})
    assert alerts(trial) == [
        ("002", "item_answer", "flag", "phq9 item 9", "open"),
        ("003", "item_answer", "urgent", "phq9 item 9", "open"),
        ("004", "item_answer", "urgent", "phq9 item 9", "open"),
        ("999", "item_answer", "urgent", "phq9 item 9", "open"),
    ]


def test_a_correction_ends_an_alert_and_a_worse_one_raises_its_own(trial: Trial) -> None:
    trial.person("001")
    item_9(trial, "001", 1)
    ((first,),) = alerts(trial, "alert_id")
    acknowledged(trial, first, NIGHT)
    trial.delivery("oxford", "questionnaires", scope="incremental", received_at=NIGHT + timedelta(1))
    item_9(trial, "001", 3)
    assert alerts(trial, "severity, status") == [("urgent", "open")]
    trial.delivery("oxford", "questionnaires", scope="incremental", received_at=NIGHT + timedelta(2))
    item_9(trial, "001", 0)
    assert alerts(trial) == []


def test_an_alert_keeps_its_clock_and_its_name_however_often_the_answer_is_sent_again(trial: Trial) -> None:
    trial.person("001")
    item_9(trial, "001", 2)
    first = alerts(trial, "alert_id, noticed_at")
    for night in range(1, 4):
        trial.delivery("oxford", "questionnaires", received_at=NIGHT + timedelta(night))
        item_9(trial, "001", 2)
    assert alerts(trial, "alert_id, noticed_at") == first
    assert first[0][1] == NIGHT


def test_an_answer_that_vanishes_stays_an_alert(trial: Trial) -> None:
    trial.person("001")
    item_9(trial, "001", 2)
    assert alerts(trial, "standing") == [(True,)]
    trial.delivery("oxford", "questionnaires", received_at=NIGHT + timedelta(1))
    assert alerts(trial, "severity, standing, status") == [("urgent", False, "open")]


def test_an_answer_of_a_refused_delivery_stays_an_alert(trial: Trial) -> None:
    item_9(trial, "001", 2)
    trial.rows = {"refused_answer": trial.rows["questionnaires"]}
    trial.deliveries[0]["status"] = "rejected"
    assert alerts(trial, "subject_id, severity, standing") == [("001", "urgent", False)]


def test_a_refused_answer_raises_no_false_alert_but_says_that_one_may_be_hidden(trial: Trial) -> None:
    trial.person("001")
    key = f"001|phq9|WEEKLY|{day(30)}|"
    trial.refuse("questionnaires", "oxford", "d1", key + "9")
    trial.refuse("questionnaires", "oxford", "d1", key + "8")
    trial.refuse("questionnaires", "oxford", "d1", None)
    trial.refuse("questionnaires", "oxford", "d1", None)
    assert alerts(trial, "subject_id, kind, what, occurred_on, n_records") == [
        ("001", "item_hidden", "phq9 item 9", day(30), 1),
        (None, "form_hidden", "records that could not be told apart", None, 2),
    ]
    trial.delivery("oxford", "questionnaires", received_at=NIGHT + timedelta(1))
    item_9(trial, "001", 0)
    assert alerts(trial) == []


def test_the_first_record_of_reliable_deterioration_is_an_alert(trial: Trial) -> None:
    trial.person("001")
    for study_day, total in ((1, 5), (10, 11), (17, 12), (24, 6), (31, 11)):
        trial.form("001", "phq9", day(study_day), phq9(total), visit="WEEKLY" if study_day > 1 else "BASELINE")
    assert alerts(trial, "kind, what, occurred_on") == [
        ("deterioration", "PHQ9", day(10)),
        ("deterioration", "PHQ9", day(31)),
    ]


def test_serious_events_and_their_delay(trial: Trial) -> None:
    trial.person("001")
    for number, onset, reported in ((1, 10, 11), (2, 10, 12), (3, 10, None), (4, None, 12)):
        dates = {"onset_date": onset and day(onset), "reported_on": reported and day(reported)}
        trial.add("adverse_events", "oxford", ae_id=f"a{number}", subject_id="001", serious="Y", **dates)
    trial.add("adverse_events", "oxford", ae_id="a5", subject_id="001", serious="N", onset_date=day(10))
    db = trial.tables(*TABLES)
    assert db.rows("SELECT ae_id, delay_days, late FROM safety.serious_event ORDER BY 1") == [
        ("a1", 1, False),
        ("a2", 2, True),
        ("a3", None, True),
        ("a4", None, None),
    ]
    assert db.rows("SELECT DISTINCT kind, severity FROM safety.alert") == [("serious_event", "urgent")]
    found = "SELECT n_checked, n_failed FROM quality.metric_safety WHERE site_id = 'oxford' AND check_name ="
    assert db.row(f"{found} 'serious_events_late'") == (3, 2)


def test_an_alert_is_acknowledged_in_time_too_late_or_not(trial: Trial) -> None:
    for subject in ("001", "002", "003", "004"):
        trial.person(subject)
        item_9(trial, subject, 1)
    ids = dict(alerts(trial, "subject_id, alert_id"))
    acknowledged(trial, ids["001"], NIGHT + timedelta(hours=24))
    acknowledged(trial, ids["001"], NIGHT + timedelta(hours=30), by="Dr B")
    acknowledged(trial, ids["002"], NIGHT + timedelta(hours=24, seconds=1), by="Dr B")
    acknowledged(trial, "no such alert", NIGHT)
    trial.as_of = NIGHT.date() + timedelta(1)  # the hour passes on this day
    assert [status for (status,) in alerts(trial, "status")] == ["acknowledged", "acknowledged_late", "open", "open"]
    trial.as_of += timedelta(1)
    assert alerts(trial, "subject_id, status, acknowledged_by") == [
        ("001", "acknowledged", "Dr A"),
        ("002", "acknowledged_late", "Dr B"),
        ("003", "overdue", None),
        ("004", "overdue", None),
    ]
    counts = trial.tables(*TABLES).row(
        "SELECT n_checked, n_failed FROM quality.metric_safety "
        "WHERE check_name = 'alerts_unacknowledged' AND site_id = 'oxford'"
    )
    assert counts == (4, 2)


def test_no_data_no_alert(ict_sad: Protocol) -> None:
    assert alerts(Trial(ict_sad)) == []


def test_alerts_depend_on_no_judgement_about_quality() -> None:
    graph = load_graph()
    waiting, seen = ["safety.alert", "safety.serious_event"], set[str]()
    while waiting:
        name = waiting.pop()
        if name in graph.queries and name not in seen:
            seen.add(name)
            waiting += graph.queries[name].reads
    assert len(seen) > 10 and not [name for name in seen if name.startswith("quality.")]


@pytest.mark.parametrize("seed", range(3))
def test_the_alerts_are_those_of_the_rules_in_plain_python(ict_sad: Protocol, seed: int) -> None:
    import random

    trial = some_trial(ict_sad, random.Random(100 + seed), highest=3)
    found = trial.tables("safety.alert").rows(
        "SELECT kind, severity, subject_id, occurred_on, visit, standing FROM safety.alert "
        "WHERE kind IN ('item_answer', 'item_hidden')"
    )
    assert sorted(found, key=repr) == sorted(alerts_of_items(trial), key=repr)
