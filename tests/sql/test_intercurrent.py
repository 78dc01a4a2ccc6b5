"""Intercurrent events: each kind from each of its sources, worked by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from pipelines.study.intercurrent import IntercurrentEvents, event_complaints
from pipelines.study.load import Protocol
from tests.sql.trial import RANDOMISED, Trial, at, day, with_study

Row = tuple[Any, ...]


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    """As of ten weeks after randomisation; the log reaches as far."""
    trial = Trial(ict_sad, as_of=day(71))
    trial.delivery("oxford", "usage", received_at=at("2026-05-11T22:00"))
    return trial


def events(trial: Trial, columns: str = "icecat, astdt, aendt, icesrc") -> list[Row]:
    return trial.tables("analysis.adice").rows(f"SELECT {columns} FROM analysis.adice ORDER BY usubjid, iceseq")


def used(trial: Trial, subject: str, *study_days: int) -> None:
    for study_day in study_days:
        trial.event(subject, at(f"{day(study_day)}T10:00"))


def daily(trial: Trial, subject: str = "001") -> None:
    used(trial, subject, *range(1, 72, 7))


def test_nobody_and_a_person_who_uses_the_programme_have_none(trial: Trial) -> None:
    assert events(trial) == []
    trial.person("001")
    daily(trial)
    trial.person("002", "TAU")
    trial.person("003", None, status="screen_failed")
    assert events(trial) == []


def test_a_silence_of_the_study_files_length_is_non_usage(trial: Trial) -> None:
    trial.person("001")
    used(trial, "001", 1, 16, 30)  # 14 days between 1 and 16, 13 between 16 and 30, then on to the as-of day
    assert events(trial) == [
        ("non_usage", day(2), day(15), "usage"),
        ("non_usage", day(31), None, "usage"),
    ]


def test_who_never_began_is_silent_from_the_start(trial: Trial) -> None:
    trial.person("001")
    trial.person("002", status="withdrawn", status_date=day(13))  # 13 days in the study
    assert events(trial, "subjid, icecat, astdy") == [("001", "non_usage", 1), ("002", "stopped_treatment", 13)]


def test_silence_is_judged_no_farther_than_the_log_reaches(ict_sad: Protocol) -> None:
    trial = Trial(ict_sad, as_of=day(71))
    trial.person("001")
    assert events(trial) == []  # no log was delivered
    trial.delivery("oxford", "usage", received_at=at(f"{day(13)}T12:00"))
    assert events(trial) == []
    trial.delivery("oxford", "usage", received_at=at(f"{day(14)}T12:00"))
    assert events(trial) == [("non_usage", day(1), None, "usage")]


def test_after_the_planned_weeks_nobody_has_to_use_it(trial: Trial) -> None:
    trial.as_of = day(300)
    trial.delivery("oxford", "usage", received_at=at(f"{day(299)}T12:00"))
    trial.person("001")
    used(trial, "001", *range(1, 92, 7))  # the last own event on day 85 of 98
    assert events(trial) == []


def test_days_of_an_outage_are_an_event_and_no_silence_of_the_persons(trial: Trial) -> None:
    outages = [{"site": "oxford", "first_day": day(3), "last_day": day(4)}]
    declared = {"non_usage": {"days": 14, "reason": ""}, "outages": outages}
    trial.protocol = with_study(trial.protocol, intercurrent_events=IntercurrentEvents.model_validate(declared))
    trial.person("001")
    used(trial, "001", 1, 17, *range(24, 72, 7))  # 15 silent days, two of them without a programme
    trial.person("002", "TAU")
    assert events(trial) == [("outage", day(3), day(4), "study_file")]


def test_leaving_is_what_the_study_file_says_its_reason_is(trial: Trial) -> None:
    for subject, reason in (("001", "other treatment started"), ("002", "DEATH"), ("003", "a new job")):
        trial.person(subject, status="withdrawn", status_date=day(8), status_reason=reason)
        used(trial, subject, 1)
    trial.person("004", "TAU", status="withdrawn", status_date=day(8), status_reason="NO TIME")
    trial.person("005", status="withdrawn", status_date=day(99))  # the treatment was over
    used(trial, "005", *range(1, 99, 7))
    assert events(trial, "subjid, icecat, icereas") == [
        ("001", "other_therapy", "OTHER TREATMENT STARTED"),
        ("001", "stopped_treatment", "OTHER TREATMENT STARTED"),
        ("002", "death", "DEATH"),
        ("003", "stopped_treatment", "OTHER"),
    ]


def test_a_death_told_twice_is_one(trial: Trial) -> None:
    trial.person("001", status="withdrawn", status_date=day(9), status_reason="DEATH")
    used(trial, "001", 1)
    trial.add("adverse_events", "oxford", ae_id="a1", subject_id="001", onset_date=day(8), severity=5)
    trial.add("adverse_events", "oxford", ae_id="a2", subject_id="001", onset_date=day(8), outcome="fatal")
    trial.add("adverse_events", "oxford", ae_id="a3", subject_id="001", onset_date=day(2), severity=4)
    assert events(trial, "icecat, astdt, icesrcid") == [("death", day(8), "a1")]


def test_crossing_over_by_use_and_by_a_second_randomisation(trial: Trial) -> None:
    trial.person("001", "TAU")
    used(trial, "001", -3, 5, 9)
    trial.person("002", "TAU")
    trial.person("003", "TAU")
    daily(trial, "003")
    trial.delivery("oxford", "allocation", scope="incremental")
    trial.add("allocation", "oxford", subject_id="002", arm="ICT", randomised_on=day(50))
    trial.add("allocation", "oxford", subject_id="003", arm="ICT", randomised_on=RANDOMISED)  # a correction
    used(trial, "002", *range(50, 72, 7))
    assert events(trial, "subjid, icecat, astdt, icesrc") == [
        ("001", "crossover", day(5), "usage"),
        ("002", "crossover", day(50), "allocation"),
    ]


def test_what_the_site_records_comes_with_its_listed_reason(trial: Trial) -> None:
    trial.person("001", "TAU")
    facts: dict[str, Any] = {"subject_id": "001", "started_on": day(20)}
    trial.add("intercurrent_events", "oxford", ice_id="i1", kind="medication_changed", reason="No time", **facts)
    trial.add("intercurrent_events", "oxford", ice_id="i2", kind="other_therapy", reason="told me a secret", **facts)
    trial.add("intercurrent_events", "oxford", ice_id="i3", kind="other_therapy", **facts)  # the same again
    trial.add("intercurrent_events", "oxford", ice_id="i4", subject_id="009", kind="death")  # nobody of ours
    assert events(trial, "icecat, icereas, astdy, icesrcid") == [
        ("medication_changed", "NO TIME", 20, "i1"),
        ("other_therapy", "OTHER", 20, "i2"),
    ]


def test_a_declared_outage_must_make_sense() -> None:
    first, last = date(2026, 1, 5), date(2026, 1, 9)
    outages = [
        {"site": "oxford", "first_day": first, "last_day": last},
        {"site": "oxford", "first_day": last, "last_day": last + timedelta(9)},
        {"site": "paris", "first_day": first, "last_day": last},
    ]
    events = IntercurrentEvents.model_validate({"outages": outages, "leaving_for": {"Moved": "crossover"}})
    found = [message for _, message in event_complaints(events, {"oxford": None}, ["NO TIME"])]
    assert len(found) == 3
    assert "overlap" in found[0] and "no site `paris`" in found[1] and "`Moved` is not among" in found[2]
    with pytest.raises(ValueError, match="before it begins"):
        IntercurrentEvents.model_validate({"outages": [{"site": "oxford", "first_day": last, "last_day": first}]})
