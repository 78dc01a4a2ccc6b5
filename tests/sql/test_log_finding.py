"""What is wrong with the log itself, kind by kind."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.sql.trial import Trial, at, day

NOON = at(f"{day(5)}T12:00")


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    trial = Trial(ict_sad, as_of=day(20))
    trial.delivery("oxford", "usage", received_at=at(f"{day(20)}T12:00"))
    trial.person("001")
    return trial


def log(trial: Trial, minute: float, event: str = "page_view", **given: Any) -> None:
    trial.event("001", NOON + timedelta(minutes=minute), event, **given)


def findings(trial: Trial) -> list[tuple[Any, ...]]:
    columns = "finding, record_key, found_on, n"
    return trial.tables("quality.log_finding").rows(f"SELECT {columns} FROM quality.log_finding ORDER BY 1, 2")


def test_a_log_in_order_has_none(trial: Trial) -> None:
    log(trial, 0, "account_created", actor="system")
    log(trial, 1, "module_released", actor="therapist", module="core_01")
    for minute, event in ((2, "login"), (3, "module_opened"), (3, "page_view"), (4, "module_completed")):
        log(trial, minute, event, module="core_01", device="d1", stored_at=NOON + timedelta(minutes=minute, seconds=2))
    assert findings(trial) == []


def test_events_that_stand_there_twice(trial: Trial) -> None:
    for number in ("a1", "a2", "a3"):
        log(trial, 0, module="core_01", event_id=number)
    log(trial, 0, module="core_02")  # another module
    log(trial, 0, "login", module="core_01")  # another event
    log(trial, 0, module="core_01", actor="therapist")
    trial.deliveries[0]["n_duplicate"] = 4
    assert findings(trial) == [
        ("redelivered_event", "d1", None, 4),
        ("repeated_event", f"001|{day(5)}", day(5), 2),
    ]


def test_durations_and_sessions_that_cannot_be(trial: Trial) -> None:
    log(trial, 0, duration_s=3660.0)  # says 61 minutes; the next session begins after 61
    log(trial, 61, duration_s=3660.001)  # a millisecond too long
    log(trial, 122, duration_s=43200.0)  # twelve hours
    log(trial, 24 * 60, duration_s=43200.5)
    trial.rows["quarantine"] = [
        {"delivery_id": "d1", "site_id": "oxford", "feed": "usage", "row_no": 9, "rule": "out_of_range",
         "column_name": "duration_s", "message": "", "record_key": "e9"}
    ]  # fmt: skip
    assert findings(trial) == [
        ("long_session", "001|4", day(6), 1),
        ("negative_duration", "d1", None, 1),
        ("overlapping_session", "001|2", day(5), 1),
    ]


def test_use_before_the_account_or_the_consent(trial: Trial) -> None:
    trial.person("002", consent_date=day(7))
    log(trial, 0)
    log(trial, 24 * 60, "account_created", actor="system")
    log(trial, 24 * 60 - 1)
    for study_day in (4, 6, 7):
        trial.event("002", at(f"{day(study_day)}T12:00"))
    assert findings(trial) == [("before_account", "001", day(5), 1), ("before_account", "002", day(4), 2)]


def test_modules_completed_before_their_time(trial: Trial) -> None:
    log(trial, 0, "module_completed", module="core_01")
    log(trial, 1, "module_opened", module="core_01")
    assert findings(trial) == [("completed_before_opened", "001|core_01", day(5), 1)]  # of releases it tells nothing
    log(trial, 2, "module_released", module="core_02", actor="therapist")
    log(trial, 2, "module_released", module="core_01", actor="therapist")
    assert [row[:2] for row in findings(trial)] == [
        ("completed_before_opened", "001|core_01"), ("completed_before_released", "001|core_01"),
    ]  # fmt: skip


def test_clocks_of_devices(trial: Trial) -> None:
    stored = [
        ("fast", -300.001),
        ("fast", 10),
        ("right", -300),
        ("late", 86400),
        ("late", 5),
        ("slow", 3601),
        (None, 3600),
    ]
    for n, (device, delay) in enumerate(stored):
        minute = 10 * n
        log(trial, minute, device=device, stored_at=NOON + timedelta(minutes=minute, seconds=delay))
    assert findings(trial) == [("clock_ahead", "001|fast", None, 2), ("clock_behind", "001|slow", None, 1)]
    clocks = "SELECT device, n_events, n_ahead, least_delay_s, most_delay_s, wrong FROM quality.device_clock ORDER BY 1"
    assert trial.tables("quality.device_clock").rows(clocks) == [
        ("", 1, 0, 3600.0, 3600.0, None),
        ("fast", 2, 1, -300.001, 10.0, "ahead"),
        ("late", 2, 0, 5.0, 86400.0, None),
        ("right", 1, 0, -300.0, -300.0, None),
        ("slow", 1, 0, 3601.0, 3601.0, "behind"),
    ]


@pytest.mark.parametrize(
    ("devices", "pause", "found"),
    [("ABAB", 2, [3]), ("ABA", 2, []), ("AAAB", 2, []), ("ABAB", 2.01, []), ("ABABA", 1, [4])],
)
def test_an_account_used_as_two(trial: Trial, devices: str, pause: float, found: list[int]) -> None:
    for n, device in enumerate(devices):
        log(trial, n * pause, device=device)
    assert [(row[0], row[3]) for row in findings(trial)] == [("two_at_once", n) for n in found]


def test_a_silence_that_is_an_outage(trial: Trial) -> None:
    for subject in ("101", "102", "103", "104", "105"):
        trial.person(subject)
        for study_day in (*range(1, 11), *range(15, 20)):
            trial.event(subject, at(f"{day(study_day)}T12:00"))
    # Ten days each of 28: 50 / 28 a day; four days make 7.1.
    assert findings(trial) == [("silent_gap", str(day(11)), day(11), 4)]
