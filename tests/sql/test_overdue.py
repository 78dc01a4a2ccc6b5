"""What each site still owes, worked out from the calendar by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from pipelines.study.load import Protocol
from pipelines.warehouse.dictionary import load_dictionary
from tests.sql.trial import Tables, Trial, at, day, phq9, with_study

START = date(2026, 3, 2)
TREATED_UNTIL = 14 * 7  # study days


def owed(db: Tables, kind: str, columns: str = "subject_id, what, due_on, days_overdue") -> list[tuple[Any, ...]]:
    where = f"WHERE kind = '{kind}' AND site_id = 'oxford'"
    return db.rows(f"SELECT {columns} FROM quality.overdue {where} ORDER BY due_on, what, subject_id")


def overdue(trial: Trial) -> Tables:
    return trial.tables("quality.overdue", "quality.completeness")


def asked(protocol: Protocol, instrument: str, **changed: Any) -> Protocol:
    """The protocol with one instrument's schedule changed."""
    schedules = [
        schedule.model_copy(update=changed) if schedule.instrument == instrument else schedule
        for schedule in protocol.study.instruments
    ]
    return with_study(protocol, instruments=schedules)


@pytest.mark.parametrize(("as_of", "days"), [(71, []), (72, [1]), (91, [20])])
def test_a_visits_form_is_owed_from_the_day_after_its_window(trial: Trial, as_of: int, days: list[int]) -> None:
    trial.person("001", "TAU")
    trial.form("001", "phq9", day(1), phq9(9), visit="BASELINE")
    trial.as_of = day(as_of)
    found = [row for row in owed(overdue(trial), "visit_form") if row[1] == "WEEK 8 phq9"]
    assert found == [("001", "WEEK 8 phq9", day(71), n) for n in days]


@pytest.mark.parametrize("status", ["withdrawn", "completed"])
@pytest.mark.parametrize(("ended", "is_owed"), [(70, False), (71, True)])
def test_whoever_has_left_owes_nothing_that_falls_due_later(
    trial: Trial, status: str, ended: int, is_owed: bool
) -> None:
    trial.person("001", "TAU", status=status, status_date=day(ended))
    db = overdue(trial)
    assert ("WEEK 8 phq9" in [what for _, what, *_ in owed(db, "visit_form")]) is is_owed
    assert db.row(
        "SELECT n_expected, n_overdue FROM quality.completeness "
        "WHERE site_id = 'oxford' AND avisit = 'WEEK 8' AND instrument = 'phq9'"
    ) == (1, int(is_owed))


def test_completeness_counts_what_the_list_names(trial: Trial) -> None:
    for subject, arm in (("001", "ICT"), ("002", "TAU"), ("003", "ICT")):
        trial.person(subject, arm)
        trial.form(subject, "phq9", day(1), phq9(9), visit="BASELINE")
    trial.form("001", "gad7", day(57), {"1": 1}, visit="WEEK 8")
    db = overdue(trial)
    counted = db.rows("SELECT avisit, instrument, n_overdue FROM quality.completeness WHERE n_overdue > 0 ORDER BY ALL")
    listed = "SELECT avisit, instrument, count(*) FROM quality.overdue WHERE kind = 'visit_form' GROUP BY ALL"
    assert counted == db.rows(f"{listed} ORDER BY ALL")
    assert ("FOLLOW-UP", "phq9", 2) in counted


def test_a_weekly_form_is_owed_for_every_week_of_treatment_that_is_over(trial: Trial) -> None:
    trial.person("001", "ICT")
    trial.person("002", "TAU")
    trial.as_of = day(22)  # the first day of week 4
    weeks = [(subject, what) for subject, what, *_ in owed(overdue(trial), "weekly_form") if what.endswith("phq9")]
    assert weeks == [("001", "week 1 phq9"), ("001", "week 2 phq9"), ("001", "week 3 phq9")]
    trial.as_of = day(21)
    assert len([what for _, what, *_ in owed(overdue(trial), "weekly_form") if what.endswith("phq9")]) == 2


def test_weekly_forms_end_with_treatment_or_with_the_persons_time(trial: Trial) -> None:
    trial.person("001", "ICT")
    trial.person("002", "ICT", status="withdrawn", status_date=day(14))
    found = owed(overdue(trial), "weekly_form", "subject_id, max(week_no) OVER (PARTITION BY subject_id), instrument")
    assert set(found) == {
        (subject, last, name) for subject, last in (("001", 14), ("002", 2)) for name in ("lsas_sr", "phq9", "gad7")
    }


def test_any_form_of_the_week_will_do(trial: Trial) -> None:
    trial.person("001", "ICT")
    trial.form("001", "phq9", day(1), phq9(9), visit="BASELINE")
    trial.form("001", "phq9", day(14), phq9(9), visit="WEEKLY")
    trial.as_of = day(22)
    assert [row for row in owed(overdue(trial), "weekly_form") if "phq9" in row[1]] == [
        ("001", "week 3 phq9", day(21), 1)
    ]


def test_what_is_asked_only_since_some_day_is_not_owed_before(trial: Trial) -> None:
    since = {"WEEK 8": day(58), "weekly": day(10)}
    trial.protocol = asked(trial.protocol, "phq9", since=since)
    trial.person("001", "ICT")
    trial.person("002", "TAU", START + timedelta(days=1))  # its week 8 is one day later
    trial.as_of = day(100)
    db = overdue(trial)
    visits = [(subject, what) for subject, what, *_ in owed(db, "visit_form") if what.startswith("WEEK 8 phq9")]
    assert visits == [("002", "WEEK 8 phq9")]
    weeks = [what for _, what, *_ in owed(db, "weekly_form") if what.endswith("phq9")]
    assert weeks[:2] == ["week 3 phq9", "week 4 phq9"]
    expected = "SELECT n_expected FROM quality.completeness WHERE site_id = 'oxford' AND instrument = 'phq9'"
    assert db.rows(f"{expected} AND avisit IN ('BASELINE', 'WEEK 8') ORDER BY avisit") == [(2,), (1,)]


def test_an_item_that_came_later_is_not_missing_before(trial: Trial) -> None:
    trial.protocol = asked(trial.protocol, "phq9", items_since={"9": day(40)})
    trial.person("001", "TAU")
    eight = {item: score for item, score in phq9(9).items() if item != "9"}
    trial.form("001", "phq9", day(1), eight, visit="BASELINE")
    trial.form("001", "phq9", day(57), eight, visit="WEEK 8")
    missing = "SELECT pct_items_missing FROM quality.completeness WHERE site_id = 'oxford' AND instrument = 'phq9'"
    found = overdue(trial).rows(f"{missing} AND avisit IN ('BASELINE', 'WEEK 8') ORDER BY avisit")
    assert found == [(0.0,), (pytest.approx(100 / 9),)]


def test_a_delivery_is_owed_when_its_source_is_silent_for_too_long(trial: Trial) -> None:
    trial.delivery("oxford", "usage", stream="platform_log", received_at=at("2026-03-01T12:00"))
    trial.delivery("oxford", "usage", stream="platform_log", received_at=at("2026-03-05T12:00"), status="rejected")
    trial.as_of = date(2026, 3, 10)
    db = overdue(trial)
    assert owed(db, "delivery") == [
        (None, "participants from redcap_participants", date(2026, 3, 8), 2),
        (None, "questionnaires from redcap_questionnaires", date(2026, 3, 8), 2),
        (None, "usage from platform_log", date(2026, 3, 8), 2),
    ]
    never = "SELECT DISTINCT due_on, days_overdue FROM quality.overdue WHERE site_id = 'miyazaki'"
    assert db.rows(never) == [(None, None)]


def test_the_blinded_file_lists_only_deliveries_that_do_not_reveal(trial: Trial) -> None:
    trial.person("001", "ICT")
    table = load_dictionary()["quality.overdue"]
    kinds = overdue(trial).rows(f"SELECT DISTINCT kind, feed FROM quality.overdue WHERE {table.keep_when} ORDER BY ALL")
    assert kinds == [("delivery", "participants"), ("delivery", "questionnaires")]
    assert {table.columns[name].blinding for name in ("subject_id", "usubjid", "avisit", "week_no")} == {"revealing"}
