"""Adverse events, and the times to dropout and to non-usage."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tests.sql.trial import RANDOMISED, Trial, at, day


def event(trial: Trial, ae_id: str, subject_id: str = "001", **given: Any) -> None:
    row = {"onset_date": day(10), "reported_on": day(12), "term": "Fall", "serious": "N", "severity": 1, "related": "U"}
    trial.add("adverse_events", "oxford", ae_id=ae_id, subject_id=subject_id, **{**row, **given})


def test_events_are_numbered_by_onset_then_report_then_the_sites_number(trial: Trial) -> None:
    trial.person("001")
    event(trial, "d", onset_date=None)
    event(trial, "c", onset_date=day(-3), reported_on=day(1))
    event(trial, "b", reported_on=day(11), ended_on=day(14), serious="Y", severity=4, related="Y")
    event(trial, "a")
    columns = "aeseq, aespid, astdy, aendy, aeser, aesev, aetoxgrn, aerel, trtemfl, aerptdly"
    assert trial.tables("analysis.adae").rows(f"SELECT {columns} FROM analysis.adae ORDER BY aeseq") == [
        (1, "c", -3, None, "N", "MILD", 1, "U", None, 3),
        (2, "b", 10, 14, "Y", "SEVERE", 4, "Y", "Y", 1),
        (3, "a", 10, None, "N", "MILD", 1, "U", "Y", 2),
        (4, "d", None, None, "N", "MILD", 1, "U", None, None),
    ]


def test_nothing_that_a_site_wrote_freely_is_published(trial: Trial) -> None:
    outcomes = [
        ("Recovered", "RECOVERED/RESOLVED"),
        (" not resolved ", "NOT RECOVERED/NOT RESOLVED"),
        ("Recovered with sequelae", "RECOVERED/RESOLVED WITH SEQUELAE"),
        ("resolving", "RECOVERING/RESOLVING"),
        ("Died", "FATAL"),
        ("unknown", "UNKNOWN"),
        ("moved in with her sister", "OTHER"),
        ("", None),
        (None, None),
    ]
    trial.person("001")
    for n, (sent, _) in enumerate(outcomes):
        event(trial, f"e{n:03}", outcome=sent, term="met a bear")
    rows = trial.tables("analysis.adae").records("FROM analysis.adae ORDER BY aeseq")
    assert [row["aeout"] for row in rows] == [published for _, published in outcomes]
    assert not any("met a bear" in row.values() for row in rows)


def test_events_of_strangers_wait(trial: Trial) -> None:
    trial.person("001")
    event(trial, "a", subject_id="999")
    event(trial, "b", subject_id=None)
    assert trial.tables("analysis.adae").rows("FROM analysis.adae") == []


TIMES = "SELECT aval, cnsr, adt, evntdesc FROM analysis.adtte WHERE paramcd = "


def test_dropout(trial: Trial) -> None:
    fates: list[tuple[str, date | None, str | None, tuple[object, ...]]] = [
        ("randomised", None, None, (31.0, 1, date(2026, 4, 1), "IN STUDY ON AS-OF DAY")),
        ("completed", day(20), None, (20.0, 1, day(20), "COMPLETED STUDY")),
        ("withdrawn", day(20), "no time", (20.0, 0, day(20), "NO TIME")),
        ("withdrawn", day(20), "met a bear", (20.0, 0, day(20), "OTHER")),
        ("withdrawn", day(1), None, (1.0, 0, day(1), "REASON NOT STATED")),
        ("withdrawn", None, None, (31.0, 1, date(2026, 4, 1), "IN STUDY ON AS-OF DAY")),
        ("withdrawn", day(-1), None, (None, None, day(-1), "END BEFORE START")),
    ]
    trial.as_of = date(2026, 4, 1)
    for n, (status, when, reason, _) in enumerate(fates):
        trial.person(f"{n:03}", status=status, status_date=when, status_reason=reason)
    found = trial.tables("analysis.adtte").rows(f"{TIMES}'DROPOUT' ORDER BY usubjid")
    assert found == [expected for *_, expected in fates]


def used(trial: Trial, *days: int, until: str = "2026-12-31T12:00", **given: Any) -> None:
    """Person 001 used the programme on these study days; the log speaks until then."""
    trial.delivery("oxford", "usage", received_at=at(until))
    for study_day in days:
        when = at("2026-03-02T10:00") + timedelta(study_day - 1)
        trial.event("001", when, **given)


@pytest.mark.parametrize(
    ("days", "until", "as_of", "ended", "found"),
    [
        # Treatment ends on study day 99 (8 June); silence from day 85 on is 14 days long.
        ((1, 85), "2026-12-31T12:00", date(2026, 12, 31), None, (85.0, 0, day(85), "STOPPED USING")),
        ((1, 86), "2026-12-31T12:00", date(2026, 12, 31), None, (99.0, 1, day(99), "END OF TREATMENT")),
        ((1, 60, 120), "2026-12-31T12:00", date(2026, 12, 31), None, (60.0, 0, day(60), "STOPPED USING")),
        ((), "2026-12-31T12:00", date(2026, 12, 31), None, (1.0, 0, day(1), "NEVER USED")),
        ((-3,), "2026-12-31T12:00", date(2026, 12, 31), None, (1.0, 0, day(1), "NEVER USED")),
        ((1, 20), "2026-12-31T12:00", day(33), None, (33.0, 1, day(33), "AS-OF DAY")),
        ((1, 20), "2026-12-31T12:00", day(34), None, (20.0, 0, day(20), "STOPPED USING")),
        ((1, 20), "2026-04-02T12:00", date(2026, 12, 31), None, (32.0, 1, day(32), "END OF LOG")),
        ((1, 20), "2026-12-31T12:00", date(2026, 12, 31), day(30), (30.0, 1, day(30), "END OF STUDY")),
    ],
)
def test_non_usage(
    trial: Trial, days: tuple[int, ...], until: str, as_of: date, ended: date | None, found: tuple[object, ...]
) -> None:
    trial.as_of = as_of
    trial.person("001", status="withdrawn" if ended else "randomised", status_date=ended)
    used(trial, *days, until=until)
    assert trial.tables("analysis.adtte").row(f"{TIMES}'NONUSE'") == found


def test_what_others_did_in_the_log_is_no_use(trial: Trial) -> None:
    trial.person("001")
    used(trial, 1)
    used(trial, 90, actor="therapist", event="message_sent")
    assert trial.tables("analysis.adtte").row(f"{TIMES}'NONUSE'") == (1.0, 0, day(1), "STOPPED USING")


def test_who_has_no_programme_cannot_stop_using_it_and_without_a_log_nothing_is_known(trial: Trial) -> None:
    trial.person("001", "TAU", randomised_on=RANDOMISED)
    trial.person("002", "ICT")
    trial.person("003", None, status="screened")
    found = trial.tables("analysis.adtte").rows("SELECT subjid, paramcd, aval, cnsr FROM analysis.adtte ORDER BY 1, 2")
    assert found == [
        ("001", "DROPOUT", 305.0, 1),
        ("002", "DROPOUT", 305.0, 1),
        ("002", "NONUSE", None, None),
        ("002", "TRTDROP", 99.0, 1),
    ]
