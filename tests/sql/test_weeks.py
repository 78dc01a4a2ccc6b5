"""Scores by study week, and sudden gains between weeks."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipelines.study.load import Protocol
from tests.sql.gain_courses import with_gains_of_lsas
from tests.sql.trial import RANDOMISED, Trial, at, day, phq9, with_study


def weekly(trial: Trial, totals: dict[int, int | None], subject: str = "001") -> None:
    """A PHQ-9 of each study week, on its last day; None is a form without a value."""
    for week, total in totals.items():
        answers = {"1": 1} if total is None else phq9(total)
        trial.form(subject, "phq9", RANDOMISED + timedelta(7 * week - 1), answers, visit="WEEKLY")


def test_week_n_holds_the_days_7n_minus_7_to_7n_minus_1(trial: Trial) -> None:
    weeks = {-8: -1, -7: 0, -1: 0, 1: 1, 7: 1, 8: 2, 98: 14, 99: 15}
    for n, study_day in enumerate(weeks):
        trial.person(f"{n:03}")
        trial.form(f"{n:03}", "phq9", day(study_day), phq9(9))
    found = trial.tables("analysis.adqw").rows("SELECT aweek FROM analysis.adqw ORDER BY usubjid")
    assert [week for (week,) in found] == list(weeks.values())


def test_the_form_nearest_to_the_weeks_end_stands_for_it(trial: Trial) -> None:
    trial.person("001")
    # Week 1 (2 to 8 March): the later day, though a visit form lies earlier.
    trial.form("001", "phq9", at("2026-03-04T10:00"), phq9(1), visit="BASELINE")
    trial.form("001", "phq9", at("2026-03-07T10:00"), phq9(2), visit="WEEKLY")
    # Week 2: of one day the earlier, and no form without a value where another has one.
    trial.form("001", "phq9", at("2026-03-13T18:00"), phq9(4), visit="WEEKLY")
    trial.form("001", "phq9", at("2026-03-13T09:00"), phq9(3), visit="WEEKLY")
    trial.form("001", "phq9", at("2026-03-15T10:00"), {"1": 3}, visit="WEEKLY")
    # Week 3: no form has a value.
    trial.form("001", "phq9", at("2026-03-20T10:00"), {"1": 3}, visit="WEEKLY")
    # Week 5: of one instant the lower aseq.
    for label, total in (("A", 5), ("B", 6)):
        trial.form("001", "phq9", at("2026-04-01T10:00"), phq9(total), visit=label)
    found = trial.tables("analysis.adqw").rows(
        "SELECT aweek, aval, nmiss, dtype, srcform, awtdiff, nform FROM analysis.adqw ORDER BY aweek"
    )
    assert found == [
        (1, 2.0, 0, None, "weekly", -1, 2),
        (2, 3.0, 0, None, "weekly", -2, 3),
        (3, None, 8, None, "weekly", -2, 1),
        (5, 5.0, 0, None, "visit", -4, 2),
    ]


def test_the_unrandomised_have_no_weeks_and_others_those_of_the_sites_calendar(trial: Trial) -> None:
    trial.person("001", None, status="screened")
    trial.form("001", "phq9", day(1), phq9(9))
    trial.person("002", site_id="miyazaki")
    trial.form("002", "phq9", at("2026-03-08T16:00"), phq9(9), site_id="miyazaki")  # 9 March there
    assert trial.tables("analysis.adqw").rows("SELECT subjid, aweek FROM analysis.adqw") == [("002", 2)]


def test_without_treatment_weeks_count_from_the_reference_date(ict_sad: Protocol) -> None:
    trial = Trial(with_study(ict_sad, treatment=None))
    trial.person("001")
    trial.form("001", "phq9", day(8), phq9(9))
    assert trial.tables("analysis.adqw").row("SELECT aweek FROM analysis.adqw") == (2,)


# Sudden gains on PHQ-9: a fall of at least 6 and of 25 %.
GAINS = "SELECT aperweek, aval, nbef, naft, meanbef, meanaft, sdpool, tcrit FROM analysis.adsg ORDER BY aperweek"


def test_a_sudden_gain_worked_by_hand(trial: Trial) -> None:
    # Before 18, 17, 19 (mean 18, squares 2), after 10, 9, 11 (mean 10, squares 2): pooled sd 1; 8 > 2.776.
    trial.person("001")
    weekly(trial, {1: 18, 2: 17, 3: 19, 4: 10, 5: 9, 6: 11})
    found = trial.tables("analysis.adsg").rows(GAINS)
    assert found == [(3, 9.0, 3, 3, pytest.approx(18), pytest.approx(10), pytest.approx(1), 2.776)]


def test_the_three_criteria(trial: Trial) -> None:
    cases: list[tuple[dict[int, int | None], list[int]]] = [
        ({1: 18, 2: 18, 3: 18, 4: 12, 5: 12, 6: 12}, [3]),  # a fall of 6 exactly; no spread at all
        ({1: 18, 2: 18, 3: 18, 4: 13, 5: 12, 6: 12}, []),  # of 5
        ({1: 24, 2: 24, 3: 24, 4: 18, 5: 18, 6: 18}, [3]),  # 25 % exactly
        ({1: 25, 2: 25, 3: 25, 4: 19, 5: 19, 6: 19}, []),  # 24 %
        ({1: 24, 2: 10, 3: 20, 4: 12, 5: 20, 6: 8}, []),  # large but no larger than the weeks around it vary
        ({1: 18, 2: 17, 3: 19, 5: 10, 6: 9, 7: 11}, []),  # a week between them is missing
        ({2: 17, 3: 19, 4: 10, 5: 9}, [3]),  # two and two
        ({3: 19, 4: 10, 5: 9, 6: 11}, []),  # one before
        ({1: 18, 2: 17, 3: 19, 4: 10}, []),  # one after
        ({12: 18, 13: 18, 14: 18, 15: 9, 16: 9}, []),  # after the 14 weeks of treatment
        ({-1: 18, 0: 18, 1: 18, 2: 9, 3: 9}, []),  # before them
        ({1: 18, 2: None, 3: 18, 4: 9, 5: 9}, [3]),  # what has no value is missing
    ]
    for n, (totals, _) in enumerate(cases):
        trial.person(f"{n:03}")
        weekly(trial, totals, f"{n:03}")
    found = trial.tables("analysis.adsg").rows("SELECT subjid, aperweek FROM analysis.adsg ORDER BY 1, 2")
    assert found == [(f"{n:03}", week) for n, (_, weeks) in enumerate(cases) for week in weeks]


def lsas_weeks(trial: Trial, points: list[tuple[int, int]]) -> None:
    """Points of fear, of which four items are missing (24/20 each), and of avoidance, week by week."""
    for week, halves in enumerate(points, 1):
        answers: dict[str, int | None] = {}
        for half, total in zip(("fear", "avoidance"), halves, strict=True):
            answers |= {f"{half}_{n}": min(3, max(0, total - 3 * (n - 1))) for n in range(1, 25)}
        answers |= dict.fromkeys(f"fear_{n}" for n in range(21, 25))
        trial.form("001", "lsas_sr", RANDOMISED + timedelta(7 * week - 1), answers, visit="WEEKLY")


def test_means_just_t_spreads_apart_are_no_gain(ict_sad: Protocol) -> None:
    """70.6, 95.6, 120.6, then 51.2, 26.2, 1.2: the means lie 69.4 apart, which is 2.776 x 25, the spread."""
    trial = Trial(with_gains_of_lsas(ict_sad))
    trial.person("001")
    lsas_weeks(trial, [(8, 61), (38, 50), (58, 51), (1, 50), (1, 25), (1, 0)])
    db = trial.tables("analysis.adqw", "analysis.adsg")
    scores = db.rows("SELECT aval FROM analysis.adqw WHERE paramcd = 'LSASTOT' ORDER BY aweek")
    assert [value for (value,) in scores] == pytest.approx([70.6, 95.6, 120.6, 51.2, 26.2, 1.2])
    assert db.rows("SELECT sdpool FROM analysis.adsg") == []


def test_a_fall_of_just_the_share_is_one(ict_sad: Protocol) -> None:
    """24 to 16.8 is 30 %; in binary fractions 7.199999999999999 of 7.2."""
    trial = Trial(with_gains_of_lsas(ict_sad, share=0.3))
    trial.person("001")
    lsas_weeks(trial, [(20, 0), (20, 0), (14, 0), (14, 0)])
    assert trial.tables("analysis.adsg").rows("SELECT aperweek FROM analysis.adsg") == [(2,)]


def test_of_a_week_the_last_day_counts_of_a_day_the_first_form_and_of_a_moment_the_first_delivered(
    trial: Trial,
) -> None:
    trial.person("001")
    weekly(trial, {1: 18, 2: 18, 4: 10, 5: 10})
    third = RANDOMISED + timedelta(20)
    for when, total in ((-1, 0), (0, 19), (1, 1)):
        trial.form("001", "phq9", at(f"{third}T10:00") + timedelta(hours=24 * when if when < 0 else when), phq9(total))
    trial.form("001", "phq9", at(f"{third}T10:00"), phq9(2), visit="SECOND")
    assert trial.tables("analysis.adsg").rows("SELECT sgbef, sgbefdt, sgseq FROM analysis.adsg") == [(19.0, third, 1)]


def test_without_planned_weeks_every_week_counts_and_weeks_that_are_alike_leave_no_spread(ict_sad: Protocol) -> None:
    trial = Trial(with_study(ict_sad, treatment=None))
    trial.person("001")
    weekly(trial, {20: 18, 21: 18, 22: 18, 23: 12, 24: 12, 25: 12, 26: 6, 27: 6})
    found = trial.tables("analysis.adsg").rows("SELECT aperweek, sdpool, sgseq FROM analysis.adsg ORDER BY 1")
    assert found == [(22, 0.0, 1), (25, 0.0, 2)]


def test_weeks_of_a_treatment_that_begins_before_the_reference_date(ict_sad: Protocol) -> None:
    assert ict_sad.study.treatment is not None
    treatment = ict_sad.study.treatment.model_copy(update={"starts": "consent"})
    trial = Trial(with_study(ict_sad, treatment=treatment))
    trial.person("001", consent_date=RANDOMISED - timedelta(7))
    trial.form("001", "phq9", day(1), phq9(9))
    db = trial.tables("analysis.adqw")
    assert db.rows("SELECT aweek, aperweek, awtdiff FROM analysis.adqw") == [(2, 2, -6)]


def test_t_follows_from_how_many_weeks_there_are(trial: Trial) -> None:
    courses = {
        2.776: {1: 18, 2: 17, 3: 19, 4: 10, 5: 9, 6: 11},
        3.182: {2: 17, 3: 19, 4: 10, 5: 9, 6: 11},
        4.303: {2: 17, 3: 19, 4: 10, 6: 11},
    }
    for n, totals in enumerate(courses.values()):
        trial.person(f"{n:03}")
        weekly(trial, dict(totals), f"{n:03}")
    found = trial.tables("analysis.adsg").rows("SELECT tcrit FROM analysis.adsg ORDER BY subjid")
    assert [critical for (critical,) in found] == list(courses)
