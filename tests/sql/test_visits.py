"""Study days, windows, baseline, the record that stands for a visit, and change."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from pipelines.study.instrument import Instrument
from pipelines.study.load import Protocol
from tests.sql.trial import RANDOMISED, Tables, Trial, at, day, phq9, with_study

WINDOWS = [
    (-29, "UNSCHEDULED", None),
    (-28, "BASELINE", -28),
    (-1, "BASELINE", -1),
    (1, "BASELINE", 0),
    (2, "UNSCHEDULED", None),
    (42, "UNSCHEDULED", None),
    (43, "WEEK 8", -14),
    (57, "WEEK 8", 0),
    (71, "WEEK 8", 14),
    (72, "UNSCHEDULED", None),
    (92, "WEEK 15", -14),
    (133, "WEEK 15", 27),
    (134, "UNSCHEDULED", None),
    (169, "FOLLOW-UP", -21),
    (218, "FOLLOW-UP", 28),
    (219, "UNSCHEDULED", None),
]


@pytest.fixture(scope="module")
def windows(ict_sad: Protocol) -> Tables:
    """For each of those days a person with a form on it."""
    trial = Trial(ict_sad)
    for study_day, *_ in WINDOWS:
        trial.person(f"D{study_day}", randomised_on=RANDOMISED)
        trial.form(f"D{study_day}", "phq9", day(study_day), phq9(9), visit="WEEK 8")
    return trial.tables()


@pytest.mark.parametrize(("study_day", "avisit", "difference"), WINDOWS)
def test_a_form_belongs_to_the_visit_whose_window_holds_its_day(
    windows: Tables, study_day: int, avisit: str, difference: int | None
) -> None:
    columns, mine = "ady, avisit, awtdiff, visit", f"subjid = 'D{study_day}'"
    assert windows.row(f"SELECT {columns} FROM analysis.adqs WHERE {mine}") == (
        study_day, avisit, difference, "WEEK 8",
    )  # fmt: skip


def test_there_is_no_study_day_0(trial: Trial) -> None:
    trial.person("001", randomised_on=RANDOMISED)
    for offset in (-2, -1, 0, 1):
        trial.form("001", "phq9", RANDOMISED + timedelta(offset), phq9(9))
    assert trial.tables().rows("SELECT ady FROM analysis.adqs ORDER BY aseq") == [(-2,), (-1,), (1,), (2,)]


def test_a_window_may_reach_across_the_reference_date(ict_sad: Protocol) -> None:
    # Target day -3: a form on day 2 is four days later by the calendar (-2, -1, 1, 2).
    baseline = ict_sad.study.visits[0].model_copy(update={"target_day": -3, "window": (-7, 7)})
    trial = Trial(with_study(ict_sad, visits=[baseline, *ict_sad.study.visits[1:]]))
    trial.person("001", randomised_on=RANDOMISED)
    trial.form("001", "phq9", day(2), phq9(9))
    assert trial.tables().row("SELECT ady, awtdiff, ablfl, anl01fl FROM analysis.adqs") == (2, 4, None, "Y")


def test_the_baseline_record_stands_for_its_visit_though_another_is_nearer(ict_sad: Protocol) -> None:
    baseline = ict_sad.study.visits[0].model_copy(update={"window": (-7, 7)})
    trial = Trial(with_study(ict_sad, visits=[baseline, *ict_sad.study.visits[1:]]))
    trial.person("001", randomised_on=RANDOMISED)
    for study_day in (-3, 2):
        trial.form("001", "phq9", day(study_day), phq9(9))
    found = trial.tables().rows("SELECT awtdiff, ablfl, anl01fl, chg FROM analysis.adqs ORDER BY aseq")
    assert found == [(-3, "Y", "Y", None), (1, None, None, 0.0)]


def test_a_visit_that_the_arm_does_not_have_is_unscheduled(trial: Trial) -> None:
    trial.person("001", "TAU", RANDOMISED)
    trial.form("001", "phq9", day(190), phq9(9), visit="FOLLOW-UP")
    found = trial.tables().row("SELECT avisit, avisitn, awtarget, awtdiff, anl01fl FROM analysis.adqs")
    assert found == ("UNSCHEDULED", None, None, None, None)


def test_the_unrandomised_are_screening(trial: Trial) -> None:
    trial.person("001", None, status="screen_failed")
    trial.form("001", "phq9", RANDOMISED, phq9(9), visit="BASELINE")
    trial.form("001", "phq9", RANDOMISED + timedelta(60), phq9(1), visit="WEEK 8")
    columns = "avisit, ady, awtdiff, aval, base, chg, ablfl, anl01fl"
    assert trial.tables().rows(f"SELECT {columns} FROM analysis.adqs ORDER BY aseq") == [
        ("SCREENING", None, None, 9.0, None, None, None, None),
        ("SCREENING", None, None, 1.0, None, None, None, None),
    ]


def test_in_a_trial_without_allocation_consent_is_day_1(ict_sad: Protocol) -> None:
    visits = [visit.model_copy(update={"arms": None}) for visit in ict_sad.study.visits]
    study = {"arms": [], "reference_date": "consent", "visits": visits}
    trial = Trial(with_study(ict_sad, **study))
    trial.person("001", None, consent_date=RANDOMISED, status="enrolled")
    trial.form("001", "phq9", day(57), phq9(9))
    db = trial.tables()
    assert db.row("SELECT ady, avisit FROM analysis.adqs") == (57, "WEEK 8")
    assert db.row("SELECT randdt, arm, trtsdt, enrlfl FROM analysis.adsl") == (None, None, RANDOMISED, "Y")


def test_the_day_is_the_one_at_the_site(trial: Trial) -> None:
    # 16:30 UTC on 27 April is half past one on 28 April in Miyazaki.
    trial.person("001", randomised_on=RANDOMISED, site_id="miyazaki")
    trial.form("001", "phq9", at("2026-04-27T16:30"), phq9(9), site_id="miyazaki")
    found = trial.tables().row("SELECT adt, adtm, ady FROM analysis.adqs")
    assert found == (date(2026, 4, 28), at("2026-04-27T16:30"), 58)


def test_a_date_alone_counts_as_the_beginning_of_the_day_at_the_site(trial: Trial) -> None:
    # Midnight of 28 April in Miyazaki is 15:00 UTC on the 27th: before a form at 15:30 UTC, after one at 14:30.
    trial.person("001", randomised_on=RANDOMISED, site_id="miyazaki")
    forms: list[tuple[date | datetime, int]] = [
        (at("2026-04-27T15:30"), 3),
        (date(2026, 4, 28), 2),
        (at("2026-04-27T14:30"), 1),
    ]
    for when, total in forms:
        trial.form("001", "phq9", when, phq9(total), site_id="miyazaki")
    assert trial.tables().rows("SELECT aval FROM analysis.adqs ORDER BY aseq") == [(1.0,), (2.0,), (3.0,)]


def test_the_nearest_value_stands_for_a_visit_and_the_earlier_of_two(trial: Trial) -> None:
    trial.person("001", randomised_on=RANDOMISED)
    for study_day, total in ((50, 1), (55, 2), (59, 3), (62, 4)):
        trial.form("001", "phq9", day(study_day), phq9(total))
    db = trial.tables()
    assert db.rows("SELECT aval, awtdiff FROM analysis.adqs WHERE anl01fl = 'Y'") == [(2.0, -2)]


def test_a_form_without_a_value_stands_for_no_visit(trial: Trial) -> None:
    trial.person("001", randomised_on=RANDOMISED)
    trial.form("001", "phq9", day(57), {"1": 1})
    trial.form("001", "phq9", day(65), phq9(5))
    db = trial.tables()
    assert db.rows("SELECT ady FROM analysis.adqs WHERE anl01fl = 'Y'") == [(65,)]


def test_forms_of_one_instant_are_numbered_by_delivery_then_row(trial: Trial) -> None:
    trial.person("001", randomised_on=RANDOMISED)
    for label, total in (("C", 1), ("B", 2)):
        trial.form("001", "phq9", day(57), phq9(total), visit=label)
    trial.delivery("oxford", "questionnaires", scope="incremental")
    trial.form("001", "phq9", day(57), phq9(3), visit="A")
    assert trial.tables().rows("SELECT visit FROM analysis.adqs ORDER BY aseq") == [("C",), ("B",), ("A",)]


def test_baseline_is_the_last_value_before_randomisation_not_the_nearest_form(trial: Trial) -> None:
    trial.person("001", randomised_on=RANDOMISED)
    trial.form("001", "phq9", day(-10), phq9(8))
    trial.form("001", "phq9", day(-3), phq9(10))
    trial.form("001", "phq9", day(1), {"1": 3})  # too much missing for a value
    trial.form("001", "phq9", day(57), phq9(5))
    columns = "ady, aval, base, chg, pchg, ablfl, anl01fl"
    assert trial.tables().rows(f"SELECT {columns} FROM analysis.adqs ORDER BY aseq") == [
        (-10, 8.0, 10.0, None, None, None, None),
        (-3, 10.0, 10.0, None, None, "Y", "Y"),
        (1, None, 10.0, None, None, None, None),
        (57, 5.0, 10.0, -5.0, -50.0, None, "Y"),
    ]


def test_a_baseline_of_0_gives_no_per_cent(trial: Trial) -> None:
    trial.person("001", randomised_on=RANDOMISED)
    trial.form("001", "phq9", day(1), phq9(0))
    trial.form("001", "phq9", day(57), phq9(5))
    assert trial.tables().row("SELECT chg, pchg, respfl FROM analysis.adqs WHERE aseq = 2") == (5.0, None, None)


def test_a_baseline_of_1_gives_one(trial: Trial) -> None:
    trial.person("001", randomised_on=RANDOMISED)
    for study_day, points in ((1, 1), (57, 0)):
        answers = {f"{half}_{n}": 0 for half in ("fear", "avoidance") for n in range(1, 25)}
        trial.form("001", "lsas_sr", day(study_day), answers | {"fear_1": points})
    sql = "SELECT chg, pchg, respfl FROM analysis.adqs WHERE aseq = 2 AND paramcd = 'LSASTOT'"
    assert trial.tables().row(sql) == (-1.0, -100.0, "Y")


def test_weekly_forms_fill_a_visit_only_when_its_form_is_missing(trial: Trial) -> None:
    trial.person("001", randomised_on=RANDOMISED)
    trial.form("001", "phq9", day(50), phq9(1), visit="weekly ")
    trial.form("001", "phq9", day(57), phq9(2), visit="WEEKLY")
    trial.form("001", "phq9", day(92), phq9(3), visit="WEEK 15")
    trial.form("001", "phq9", day(106), phq9(4), visit="WEEKLY")
    trial.form("001", "phq9", day(140), phq9(5), visit="WEEKLY")
    assert trial.tables().rows("SELECT srcform, avisit, anl01fl FROM analysis.adqs ORDER BY aseq") == [
        ("weekly", "WEEK 8", None),
        ("weekly", "WEEK 8", "Y"),
        ("visit", "WEEK 15", "Y"),
        ("weekly", "UNSCHEDULED", None),
        ("weekly", "UNSCHEDULED", None),
    ]


def test_weekly_forms_never_fill_a_visit_where_the_study_file_forbids_it(ict_sad: Protocol) -> None:
    weekly = ict_sad.study.weekly.model_copy(update={"fills_visit": "never"})
    trial = Trial(with_study(ict_sad, weekly=weekly))
    trial.person("001", randomised_on=RANDOMISED)
    trial.form("001", "phq9", day(57), phq9(2), visit="WEEKLY")
    assert trial.tables().row("SELECT avisit FROM analysis.adqs") == ("UNSCHEDULED",)


def test_weekly_forms_fill_only_visits_at_which_the_instrument_is_due(trial: Trial) -> None:
    # SPIN is not due in week 8.
    trial.person("001", randomised_on=RANDOMISED)
    trial.form("001", "spin", day(57), {str(n): 1 for n in range(1, 18)}, visit="WEEKLY")
    assert trial.tables().row("SELECT avisit FROM analysis.adqs") == ("UNSCHEDULED",)


@pytest.mark.parametrize(
    ("later", "flag"), [(4, "IMPROVED"), (5, "NONE"), (10, "NONE"), (15, "NONE"), (16, "DETERIORATED")]
)
def test_a_change_of_the_threshold_counts_as_reliable(trial: Trial, later: int, flag: str) -> None:
    trial.person("001", randomised_on=RANDOMISED)  # PHQ-9: 6 points
    trial.form("001", "phq9", day(1), phq9(10))
    trial.form("001", "phq9", day(57), phq9(later))
    assert trial.tables().rows("SELECT relchgfl FROM analysis.adqs ORDER BY aseq") == [(None,), (flag,)]


def test_a_prorated_score_just_at_a_threshold_reaches_it(trial: Trial) -> None:
    # Four items of fear missing: 20 x 24/20 + 36 = 60, then 1 x 24/20 + 42 = 43.2, a fall of 28 % exactly.
    # Binary fractions make it 27.999999999999996.
    trial.person("001", randomised_on=RANDOMISED)
    for study_day, fear, avoidance in ((1, [1] * 20, [2] * 12 + [1] * 12), (57, [1] + [0] * 19, [3] * 14 + [0] * 10)):
        answers = {f"fear_{n}": value for n, value in enumerate(fear, 1)}
        answers |= {f"avoidance_{n}": value for n, value in enumerate(avoidance, 1)}
        trial.form("001", "lsas_sr", day(study_day), answers)
    db = trial.tables()
    sql = "SELECT aval, respfl FROM analysis.adqs WHERE paramcd = 'LSASTOT' ORDER BY aseq"
    assert db.rows(sql) == [(60.0, None), (pytest.approx(43.2), "Y")]


def test_no_definition_no_flag(trial: Trial) -> None:
    # No reliable change is defined for LSASTOT; caseness 30, response 28 %, remission 35.
    trial.person("001", randomised_on=RANDOMISED)
    for study_day, fear, avoidance in ((1, 1, 1), (57, 1, 0)):
        answers = {f"{half}_{n}": v for half, v in (("fear", fear), ("avoidance", avoidance)) for n in range(1, 25)}
        trial.form("001", "lsas_sr", day(study_day), answers)
    columns = "aval, relchgfl, casefl, respfl, remisfl"
    db = trial.tables()
    assert db.rows(f"SELECT {columns} FROM analysis.adqs WHERE paramcd = 'LSASTOT' ORDER BY aseq") == [
        (48.0, None, "Y", None, None),
        (24.0, None, None, "Y", "Y"),
    ]


def test_a_scale_on_which_high_is_better_turns_every_flag_round(ict_sad: Protocol) -> None:
    phq = ict_sad.instruments["phq9"].model_dump()
    phq["items"][0] |= {"reversed": "1-9", "range": (1, 4)}
    phq["scores"][0] |= {"direction": "higher_is_better", "range": (9, 36)}
    turned = Instrument.model_validate(phq)
    outcomes = ict_sad.study.outcomes
    named = [d.model_copy(update={"paramcd": "PHQ9"}) for d in outcomes.response]  # 28 %
    study = ict_sad.study.model_copy(update={"outcomes": outcomes.model_copy(update={"response": named})})
    trial = Trial(Protocol(study, {**ict_sad.instruments, "phq9": turned}, ""))
    trial.person("001", randomised_on=RANDOMISED)
    trial.form("001", "phq9", day(1), {str(n): 4 for n in range(1, 10)})  # reversed: 9 points
    trial.form("001", "phq9", day(57), {str(n): 3 for n in range(1, 10)})  # 18 points
    trial.form("001", "phq9", day(106), {str(n): 4 for n in range(1, 10)})
    columns = "aval, relchgfl, casefl, respfl"
    assert trial.tables().rows(f"SELECT {columns} FROM analysis.adqs ORDER BY aseq") == [
        (9.0, None, "Y", None),
        (18.0, "IMPROVED", None, "Y"),
        (9.0, "NONE", "Y", None),
    ]


@pytest.mark.parametrize("after", [2, 5])
def test_what_is_filled_in_after_the_start_is_no_baseline_even_in_its_window(ict_sad: Protocol, after: int) -> None:
    baseline = ict_sad.study.visits[0].model_copy(update={"window": (-28, 7)})
    trial = Trial(with_study(ict_sad, visits=[baseline, *ict_sad.study.visits[1:]]))
    trial.person("001")
    trial.form("001", "phq9", day(1), phq9(20))
    trial.form("001", "phq9", day(after), phq9(10))
    columns = "avisit, base, chg, ablfl, anl01fl"
    assert trial.tables().rows(f"SELECT {columns} FROM analysis.adqs ORDER BY aseq") == [
        ("BASELINE", 20.0, None, "Y", "Y"),
        ("BASELINE", 20.0, -10.0, None, None),
    ]


def test_forms_of_one_moment_are_numbered_by_delivery_then_by_row(trial: Trial) -> None:
    trial.person("001")
    noon = at(f"{day(57)}T12:00")
    for delivery in (["M"], ["Z", "A"]):
        trial.delivery("oxford", "questionnaires", scope="incremental")
        for label in delivery:
            trial.form("001", "phq9", noon, phq9(9), visit=label)
    found = trial.tables().rows("SELECT visit, anl01rsn FROM analysis.adqs ORDER BY aseq")
    assert found == [("M", "FIRST DELIVERED"), ("Z", None), ("A", None)]
