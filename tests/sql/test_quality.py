"""Forms due and received."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.sql.trial import Trial, day, phq9

START = date(2026, 3, 2)


def due(trial: Trial, avisit: str, instrument: str = "phq9", site: str = "oxford") -> tuple[Any, ...]:
    """n_expected, n_received, n_in_window, n_overdue, pct_items_missing."""
    return trial.tables().row(
        "SELECT n_expected, n_received, n_in_window, n_overdue, pct_items_missing FROM quality.completeness "
        f"WHERE site_id = '{site}' AND avisit = '{avisit}' AND instrument = '{instrument}'"
    )


def test_every_site_visit_and_instrument_of_the_schedule_has_a_row(trial: Trial) -> None:
    found = trial.tables().row("SELECT count(*), sum(n_expected), count(pct_items_missing) FROM quality.completeness")
    assert found == (3 * (4 * 4 + 2), 0, 0)


@pytest.mark.parametrize(("as_of", "expected", "overdue"), [(42, 0, 0), (43, 1, 0), (71, 1, 0), (72, 1, 1)])
def test_a_form_is_due_when_its_window_opens_and_overdue_when_it_has_closed(
    trial: Trial, as_of: int, expected: int, overdue: int
) -> None:
    trial.person("001", randomised_on=START)
    trial.as_of = day(as_of)
    assert due(trial, "WEEK 8") == (expected, 0, 0, overdue, None)


@pytest.mark.parametrize(("ended", "expected"), [(42, 0), (43, 1)])
def test_nothing_is_expected_of_those_who_left_before(trial: Trial, ended: int, expected: int) -> None:
    trial.person("001", randomised_on=START, status="withdrawn", status_date=day(ended))
    assert due(trial, "WEEK 8")[0] == expected


def test_nothing_is_expected_of_the_other_arm_or_the_unrandomised(trial: Trial) -> None:
    trial.person("001", "TAU", START)
    trial.person("002", None)
    assert due(trial, "FOLLOW-UP") == (0, 0, 0, 0, None)
    assert due(trial, "WEEK 8")[0] == 1


def test_received_by_window_or_by_name(trial: Trial) -> None:
    for subject in ("001", "002", "003", "004"):
        trial.person(subject, randomised_on=START)
    trial.form("001", "phq9", day(57), phq9(9), visit="anything")
    trial.form("002", "phq9", day(80), phq9(9), visit=" week 8")
    trial.form("003", "phq9", day(57), phq9(9), visit="WEEKLY")
    assert due(trial, "WEEK 8") == (4, 2, 1, 2, 0.0)


def test_what_was_sent_counts_as_expected(trial: Trial) -> None:
    trial.person("001", randomised_on=START, status="withdrawn", status_date=day(10))
    trial.form("001", "phq9", day(57), phq9(9))
    assert due(trial, "WEEK 8") == (1, 1, 1, 0, 0.0)


def test_items_missing_of_all_forms_received(trial: Trial) -> None:
    trial.person("001", randomised_on=START)
    trial.form("001", "phq9", day(57), phq9(9))
    trial.form("001", "phq9", day(58), {"1": 1, "2": 1, "3": None})
    assert due(trial, "WEEK 8") == (1, 1, 1, 0, pytest.approx(100 * 7 / 18))


def test_what_was_refused_is_listed(trial: Trial) -> None:
    delivery = trial.delivery("oxford", "participants", status="partial", n_rows=1, n_quarantined=1)
    trial.refuse("participants", "oxford", delivery, None)
    db = trial.tables()
    columns = "delivery_id, row_no, rule, column_name, site_id, feed"
    assert db.rows(f"SELECT {columns} FROM quality.quarantine") == [
        ("d1", 1000, "unknown_code", "status", "oxford", "participants")
    ]
    assert db.row("SELECT delivery_id, status, n_quarantined FROM quality.delivery") == ("d1", "partial", 1)
