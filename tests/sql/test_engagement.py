"""Sessions, study weeks and modules."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from pipelines.study.load import Protocol
from tests.sql.trial import Trial, at, with_study

START = date(2026, 3, 2)
COLUMNS = "session_no, duration_s, n_events, week_no, active_us"


def sessions(trial: Trial) -> list[tuple[Any, ...]]:
    return trial.tables().rows(f"SELECT {COLUMNS} FROM engagement.session ORDER BY usubjid, session_no")


def test_a_gap_of_exactly_30_minutes_goes_on(trial: Trial) -> None:
    trial.person("001")
    trial.event("001", at("2026-03-03T10:00"))
    trial.event("001", at("2026-03-03T10:30"))
    trial.event("001", at("2026-03-03T12:00"))
    assert sessions(trial) == [(1, 1800.0, 2, 1, 1_800_000_000), (2, 0.0, 1, 1, 0)]


def test_a_microsecond_more_starts_a_new_session(trial: Trial) -> None:
    trial.person("001")
    trial.event("001", at("2026-03-03T10:00"))
    trial.event("001", at("2026-03-03T10:30") + timedelta(microseconds=1))
    trial.event("001", at("2026-03-03T10:31"))
    assert sessions(trial) == [(1, 0.0, 1, 1, 0), (2, 59.999999, 2, 1, 59_999_999)]


def test_the_last_event_counts_its_own_duration_active_minutes_only_up_to_the_gap(trial: Trial) -> None:
    trial.person("001")
    trial.event("001", at("2026-03-03T10:00"), duration_s=900.0)  # ten minutes later the next: the gap counts
    trial.event("001", at("2026-03-03T10:10"), duration_s=4000.0)
    assert sessions(trial) == [(1, 4600.0, 2, 1, 600_000_000 + 1_800_000_000)]


def test_events_at_one_instant_are_ordered_by_their_number(trial: Trial) -> None:
    # The last event is e2, whatever order the rows come in: its 20 seconds count, not the 50 of e1.
    trial.person("001")
    trial.event("001", at("2026-03-03T10:00"), event_id="e2", duration_s=20.0, module="core_02")
    trial.event("001", at("2026-03-03T10:00"), event_id="e1", duration_s=50.0, module="core_01")
    assert sessions(trial) == [(1, 20.0, 2, 1, 20_000_000)]
    rows = trial.tables().rows("SELECT module, active_minutes FROM engagement.module_progress ORDER BY module")
    assert rows == [("core_01", 0.0), ("core_02", pytest.approx(1 / 3))]


def test_only_the_participants_own_events_make_sessions(trial: Trial) -> None:
    trial.person("001")
    trial.event("001", at("2026-03-03T10:00"), actor="therapist")
    trial.event("001", at("2026-03-03T10:00"), "reminder_sent", actor="system")
    assert sessions(trial) == []


def test_events_of_people_who_are_not_in_adsl_wait(trial: Trial) -> None:
    trial.person("001")
    trial.event("999", at("2026-03-03T10:00"))
    db = trial.tables()
    assert db.rows("FROM engagement.session") == []
    assert db.row("SELECT subject_id FROM core.usage") == ("999",)


@pytest.mark.parametrize(
    ("when", "week"),
    [
        ("2026-02-22T12:00", -1),  # the eighth day before the start
        ("2026-02-23T12:00", 0),  # the seventh
        ("2026-03-01T23:59", 0),
        ("2026-03-02T00:00", 1),
        ("2026-03-08T23:59", 1),
        ("2026-03-09T00:00", 2),
    ],
)
def test_week_1_begins_with_the_treatment_start(trial: Trial, when: str, week: int) -> None:
    trial.person("001", randomised_on=START)
    trial.event("001", at(when))
    assert trial.tables().row("SELECT week_no FROM engagement.session") == (week,)


def test_a_week_is_that_of_the_day_at_the_site_in_which_the_session_starts(trial: Trial) -> None:
    # 15:50 UTC is 23:50 in Hong Kong on the last day of week 1; the session ends after midnight, in week 2.
    trial.person("001", randomised_on=START, site_id="hong_kong")
    for minute in (0, 20):
        when = at("2026-03-08T15:50") + timedelta(minutes=minute)
        trial.event("001", when, "login", site_id="hong_kong")
    trial.delivery("hong_kong", "usage", received_at=at("2026-12-31T00:00"))
    db = trial.tables()
    found = db.rows(
        "SELECT week_no, n_sessions, active_minutes, n_logins FROM engagement.participant_week WHERE week_no < 3"
    )
    assert sorted(found) == [(1, 1, 20.0, 1), (2, 0, 0.0, 1)]


def test_the_night_on_which_clocks_go_forward_makes_no_gap(trial: Trial) -> None:
    # London, 29 March 2026: 00:50 UTC is 00:50, 01:10 UTC is 02:10. Twenty minutes passed.
    trial.person("001")
    trial.event("001", at("2026-03-29T00:50"))
    trial.event("001", at("2026-03-29T01:10"))
    assert sessions(trial) == [(1, 1200.0, 2, 4, 1_200_000_000)]


def test_the_night_on_which_clocks_go_back_is_an_hour_longer(trial: Trial) -> None:
    # London, 25 October 2026: 00:30 UTC and 01:30 UTC are both 01:30. An hour passed.
    trial.person("001")
    trial.event("001", at("2026-10-25T00:30"))
    trial.event("001", at("2026-10-25T01:30"))
    assert [row[0] for row in sessions(trial)] == [1, 2]


def test_the_gap_is_the_study_files(ict_sad: Protocol) -> None:
    engagement = ict_sad.study.engagement.model_copy(update={"session_gap_minutes": 5})
    trial = Trial(with_study(ict_sad, engagement=engagement))
    trial.person("001")
    trial.event("001", at("2026-03-03T10:00"))
    trial.event("001", at("2026-03-03T10:06"))
    assert len(sessions(trial)) == 2


WEEK = (
    "week_no, n_sessions, active_minutes, n_logins, n_modules_opened, n_modules_completed, "
    "n_messages_to_therapist, n_messages_from_therapist, n_calls, therapist_minutes"
)


def weeks(trial: Trial) -> list[tuple[Any, ...]]:
    return trial.tables().rows(f"SELECT {WEEK} FROM engagement.participant_week ORDER BY usubjid, week_no")


def test_what_a_week_counts(trial: Trial) -> None:
    trial.as_of = date(2026, 3, 8)
    trial.person("001", randomised_on=START)
    trial.delivery("oxford", "usage", received_at=at("2026-03-09T09:00"))
    trial.delivery("oxford", "contacts", received_at=at("2026-03-09T09:00"))
    when = at("2026-03-03T10:00")
    trial.event("001", when, "login")
    trial.event("001", when + timedelta(minutes=1), "module_opened", module="core_01")
    trial.event("001", when + timedelta(minutes=2), "module_opened", module="core_01")
    trial.event("001", when + timedelta(minutes=3), "module_completed", module="core_01")
    trial.event("001", when + timedelta(minutes=4), "message_sent")
    trial.event("001", when + timedelta(hours=5), "module_opened", module="core_02", actor="therapist")
    trial.event("001", when + timedelta(hours=5), "message_sent", actor="therapist")
    trial.event("001", when + timedelta(hours=6), "message_sent", actor="therapist")
    trial.event("001", when + timedelta(hours=6), "login", actor="therapist")
    trial.contact("001", when, "call", minutes=20.1)
    trial.contact("001", when, "message", minutes=0.2)
    trial.contact("001", when, "call")
    assert weeks(trial) == [(1, 1, 4.0, 1, 1, 1, 1, 2, 2, 20.3)]


def test_weeks_run_to_as_of_or_end_of_study(trial: Trial) -> None:
    trial.as_of = START + timedelta(21)  # the first day of week 4
    trial.person("001", randomised_on=START)
    trial.person("002", randomised_on=START, status="withdrawn", status_date=START + timedelta(7))
    trial.person("003", randomised_on=START, status="completed", status_date=START + timedelta(6))
    trial.person("004", randomised_on=START + timedelta(22))
    trial.person("005", "TAU", START)
    trial.person("006", None)
    db = trial.tables()
    found = db.rows("SELECT subject_id, max(week_no), count(*) FROM engagement.participant_week GROUP BY 1 ORDER BY 1")
    assert found == [("001", 4, 4), ("002", 2, 2), ("003", 1, 1)]


def test_zeros_where_the_log_was_delivered_and_null_where_it_was_not(trial: Trial) -> None:
    trial.as_of = date(2026, 3, 25)  # week 4, day 3
    trial.person("001", randomised_on=START)
    trial.person("002", randomised_on=START)
    # The log reaches 16 March, the first day of week 3: weeks 1 and 2 are known, week 3 only where something shows.
    trial.delivery("oxford", "usage", received_at=at("2026-03-16T22:00"))
    trial.event("002", at("2026-03-16T10:00"), "login")
    assert [(row[0], row[1], row[3], row[8]) for row in weeks(trial)] == [
        (1, 0, 0, None),
        (2, 0, 0, None),
        (3, None, None, None),
        (4, None, None, None),
        (1, 0, 0, None),
        (2, 0, 0, None),
        (3, 1, 1, None),
        (4, None, None, None),
    ]


def test_a_log_up_to_as_of_covers_the_week_that_has_begun(trial: Trial) -> None:
    trial.as_of = date(2026, 3, 4)
    trial.person("001", randomised_on=START)
    trial.delivery("oxford", "usage", received_at=at("2026-03-04T09:00"))
    assert [row[:2] for row in weeks(trial)] == [(1, 0)]


def test_a_rejected_log_covers_nothing(trial: Trial) -> None:
    trial.as_of = date(2026, 3, 8)
    trial.person("001", randomised_on=START)
    trial.delivery("oxford", "usage", received_at=at("2026-03-09T09:00"), status="rejected")
    assert [row[:2] for row in weeks(trial)] == [(1, None)]


def test_progress_through_modules(trial: Trial) -> None:
    trial.person("001")
    when = at("2026-03-03T10:00")
    trial.event("001", when - timedelta(days=1), "module_released", actor="therapist", module="core_01")
    trial.event("001", when - timedelta(hours=1), "module_opened", actor="therapist", module="core_01")
    trial.event("001", when, "module_opened", module="core_01")
    trial.event("001", when + timedelta(minutes=10), "page_view")
    trial.event("001", when + timedelta(minutes=20), "module_opened", module="core_01", duration_s=60.0)
    trial.event("001", when + timedelta(days=1), "module_completed", actor="system", module="core_01")
    trial.event("001", when + timedelta(days=2), "module_completed", actor="system", module="core_01")
    trial.event("001", when + timedelta(days=3), "page_view", module="extra")
    db = trial.tables()
    columns = "module, is_core, released_at, first_opened_at, completed_at, n_opens, active_minutes"
    assert db.rows(f"SELECT {columns} FROM engagement.module_progress ORDER BY module") == [
        ("core_01", True, when - timedelta(days=1), when, when + timedelta(days=1), 2, 11.0),
        ("extra", None, None, None, None, 0, 0.0),
    ]


def test_events_without_a_time_or_a_person_wait(trial: Trial) -> None:
    trial.person("001")
    for number in ("001", None):
        row = {"event_id": f"of {number}", "subject_id": number, "actor": "participant", "event": "login"}
        trial.add("usage", "oxford", **row)
    db = trial.tables()
    assert db.rows("FROM engagement.session") == []
    assert db.rows("SELECT usubjid FROM core.usage ORDER BY event_id") == [("ict_sad-oxford-001",), (None,)]
