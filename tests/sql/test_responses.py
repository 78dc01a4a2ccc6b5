"""What named definitions say of a visit: response, remission, cases, reliable change, recovery."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipelines.study.instrument_file import INSTRUMENTS, load_instrument
from pipelines.study.load import Protocol
from pipelines.study.outcome import ParameterChange, Recovery, Threshold
from pipelines.study.study import Schedule
from tests.sql.trial import Trial, day, phq9, with_study


def gad7(total: int) -> dict[str, int]:
    return {str(n): min(3, max(0, total - 3 * (n - 1))) for n in range(1, 8)}


def spin(total: int) -> dict[str, int]:
    return {str(n): min(4, max(0, total - 4 * (n - 1))) for n in range(1, 18)}


def lsas(total: int) -> dict[str, int]:
    items = [f"{half}_{n}" for half in ("fear", "avoidance") for n in range(1, 25)]
    return {item: min(3, max(0, total - 3 * i)) for i, item in enumerate(items)}


def course(trial: Trial, subject: str = "001", site_id: str = "oxford", **scores: tuple[int, int]) -> None:
    """Totals at baseline and in week 15, by instrument."""
    makers = {"phq9": phq9, "gad7": gad7, "spin": spin, "lsas_sr": lsas}
    for instrument, totals in scores.items():
        for study_day, total in zip((1, 106), totals, strict=True):
            trial.form(subject, instrument, day(study_day), makers[instrument](total), site_id=site_id)


def answers(trial: Trial, definition: str, avisit: str = "WEEK 15") -> dict[str, str]:
    where = f"defid = '{definition}' AND avisit = '{avisit}'"
    return dict(trial.tables("analysis.adresp").rows(f"SELECT paramcd, avalc FROM analysis.adresp WHERE {where}"))


def test_the_published_proportions_of_the_hong_kong_trial(ict_sad: Protocol) -> None:
    """Thew et al. 2022: 86 % v 5 % in remission (19 and 1 of 22), 73 % v 9 % (16 and 2 of 22) by a second rule."""
    stricter = Threshold(paramcd="LSASTOT", definition="lsas_response_50", value=50, source="for this test")
    outcomes = ict_sad.study.outcomes
    both = outcomes.model_copy(update={"response": [*outcomes.response, stricter]})
    trial = Trial(with_study(ict_sad, outcomes=both))
    # Baseline 60: at most 35 is remission, at most 30 a fall by half. (in remission, fell by half) of each arm.
    for arm, n_remitted, n_halved in (("ICT", 19, 16), ("TAU", 1, 2)):
        for n in range(22):
            subject = f"{arm}{n:02}"
            trial.person(subject, arm, site_id="hong_kong")
            remitted, halved = n < n_remitted, n < n_halved
            # Who fell by half from a higher start need not be in remission.
            start, end = (80, 40) if halved and not remitted else (60, 30 if halved else 35 if remitted else 50)
            course(trial, subject, "hong_kong", lsas_sr=(start, end))
    found = trial.tables("analysis.adresp", "analysis.adsl").rows(
        "SELECT arm, defid, CAST(sum(aval) AS INTEGER), count(*), round(100 * avg(aval)) "
        "FROM analysis.adresp JOIN analysis.adsl USING (usubjid) WHERE avisit = 'WEEK 15' "
        "AND defid IN ('lsas_remission', 'lsas_response_50') GROUP BY ALL ORDER BY 2, 1"
    )
    assert found == [
        ("ICT", "lsas_remission", 19, 22, 86.0),
        ("TAU", "lsas_remission", 1, 22, 5.0),
        ("ICT", "lsas_response_50", 16, 22, 73.0),
        ("TAU", "lsas_response_50", 2, 22, 9.0),
    ]


def test_a_prorated_score_at_a_threshold_reaches_it(ict_sad: Protocol) -> None:
    """Four answers missing in each half: 24/20 of 7 and of 19 are 8.4 and 22.8, in binary a little over 31.2."""
    at_it = Threshold(paramcd="LSASTOT", definition="at_it", value=31.2, source="for this test")
    remission = [*ict_sad.study.outcomes.remission, at_it]
    trial = Trial(with_study(ict_sad, outcomes=ict_sad.study.outcomes.model_copy(update={"remission": remission})))
    trial.person("001")
    trial.form("001", "lsas_sr", day(1), lsas(60))
    halves = {"fear": 7, "avoidance": 19}
    given = {f"{half}_{n}": min(3, max(0, total - 3 * (n - 1))) for half, total in halves.items() for n in range(1, 21)}
    trial.form("001", "lsas_sr", day(106), given)
    assert answers(trial, "at_it") == {"REMIS": "Y"}


def test_recovery_over_two_measures(trial: Trial) -> None:
    cases = [
        # (start, end) of GAD-7 and PHQ-9: cut-offs 8 and 10, reliable changes 4 and 6
        ((12, 4), (15, 5), ("Y", "Y", "N", "Y")),
        ((8, 7), (9, 9), ("Y", "N", "N", "N")),  # a case on one measure; recovered without a reliable change
        ((7, 3), (9, 9), ("NA", "Y", "N", "NA")),  # no case at the start
        ((12, 8), (15, 9), ("N", "Y", "N", "N")),  # still at a cut-off
        ((12, 9), (9, 10), ("N", "N", "N", "N")),  # changes too small
        ((12, 4), (9, 15), ("N", "N", "N", "N")),  # better on one, worse on the other
        ((8, 12), (10, 10), ("N", "N", "Y", "N")),
        ((8, 11), (10, 16), ("N", "N", "Y", "N")),
        ((12, 8), (16, 10), ("N", "Y", "N", "N")),
    ]
    for n, (gad, phq, _) in enumerate(cases):
        trial.person(f"{n:03}")
        course(trial, f"{n:03}", gad7=gad, phq9=phq)
    said: dict[str, dict[str, str]] = {}
    sql = "SELECT subjid, paramcd, avalc FROM analysis.adresp WHERE defid = 'nhs_talking_therapies' ORDER BY 1"
    for subject, question, answer in trial.tables("analysis.adresp").rows(sql):
        said.setdefault(subject, {})[question] = answer
    found = [tuple(one[q] for q in ("RECOV", "RELIMP", "RELDET", "RELRECOV")) for one in said.values()]
    assert found == [expected for _, _, expected in cases]


def test_what_two_measures_say_together_is_known_on_the_later_day(trial: Trial) -> None:
    trial.person("001")
    course(trial, gad7=(12, 4))
    trial.form("001", "phq9", day(1), phq9(15))
    trial.form("001", "phq9", day(107), phq9(5))
    sql = "SELECT DISTINCT adt FROM analysis.adresp WHERE defid = 'nhs_talking_therapies'"
    assert trial.tables("analysis.adresp").rows(sql) == [(day(107),)]


def test_spin_stands_in_place_of_gad7_where_it_is_recorded_at_both_times(trial: Trial) -> None:
    # By GAD-7 recovered; by SPIN (cut-off 19) not.
    trial.person("001")
    course(trial, gad7=(12, 4), phq9=(9, 9), spin=(40, 19))
    # Without SPIN at the end.
    trial.person("002")
    course(trial, "002", gad7=(12, 4), phq9=(9, 9))
    trial.form("002", "spin", day(1), spin(40))
    # Without anything on anxiety nothing can be said.
    trial.person("003")
    course(trial, "003", phq9=(15, 5))
    found = trial.tables("analysis.adresp").rows(
        "SELECT subjid, avisit, avalc, srcparam, defver, defvrfl FROM analysis.adresp "
        "WHERE paramcd = 'RECOV' ORDER BY 1"
    )
    assert found == [("001", "WEEK 15", "N", "SPIN, PHQ9", "1", "N"), ("002", "WEEK 15", "Y", "GAD7, PHQ9", "1", "N")]


def test_the_example_of_cdisc_recovers_reliably_on_gad7(trial: Trial) -> None:
    """Answers of the CDISC example: totals 15, 14, 13 and 7, one of them at an unscheduled visit."""
    rows = {1: "2222331", 57: "2222132", 85: "2222131", 106: "1111111"}
    trial.person("001")
    for study_day, given in rows.items():
        trial.form("001", "gad7", day(study_day), dict(zip("1234567", given, strict=True)))
    db = trial.tables("analysis.adqs", "analysis.adresp")
    assert db.rows("SELECT aval, avisit FROM analysis.adqs ORDER BY aseq") == [
        (15.0, "BASELINE"), (14.0, "WEEK 8"), (13.0, "UNSCHEDULED"), (7.0, "WEEK 15"),
    ]  # fmt: skip
    where = "WHERE avisit = 'WEEK 15' AND defid IN ('nhs_gad7_case', 'nhs_gad7_change')"
    assert dict(db.rows(f"SELECT paramcd, avalc FROM analysis.adresp {where}")) == {
        "CASE": "N", "RELIMP": "Y", "RELDET": "N",
    }  # fmt: skip


def test_a_definition_holds_where_its_country_is(trial: Trial) -> None:
    """SPIN 20: a case by the general cut-off of 19, none by the Japanese one of 22."""
    for subject, site in (("001", "oxford"), ("002", "miyazaki")):
        trial.person(subject, site_id=site)
        trial.form(subject, "spin", day(1), spin(20), site_id=site)
    db = trial.tables("analysis.adqs", "analysis.adresp")
    assert db.rows("SELECT subjid, casefl FROM analysis.adqs ORDER BY 1") == [("001", "Y"), ("002", None)]
    found = db.rows("SELECT subjid, defid, avalc FROM analysis.adresp WHERE paramcd = 'CASE' ORDER BY 1, 2")
    assert found == [("001", "spin_case", "Y"), ("002", "spin_case", "Y"), ("002", "spin_case_japan", "N")]


def test_reliable_change_follows_from_a_standard_deviation_and_a_reliability(ict_sad: Protocol) -> None:
    """Jacobson & Truax 1991: 1.96 x sqrt(2) x 10.5 x sqrt(1 - .931) = 7.645."""
    stated = ParameterChange(
        paramcd="LSASTOT", definition="lsas_change", sd=10.5, reliability=0.931, source="the trial"
    )
    assert stated.points == pytest.approx(7.645, abs=0.0005)
    named = ict_sad.study.outcomes
    outcomes = named.model_copy(update={"reliable_change": [*named.reliable_change, stated]})
    trial = Trial(with_study(ict_sad, outcomes=outcomes))
    for subject, end in (("001", 53), ("002", 54), ("003", 68), ("004", 69)):  # from 61: by 8 or 7, less than 7.645
        trial.person(subject)
        course(trial, subject, lsas_sr=(61, end))
    sql = "SELECT relchgfl FROM analysis.adqs WHERE paramcd = 'LSASTOT' AND aseq = 2 ORDER BY subjid"
    found = [flag for (flag,) in trial.tables("analysis.adqs").rows(sql)]
    assert found == ["IMPROVED", "NONE", "NONE", "DETERIORATED"]


def test_rival_definitions_stand_side_by_side_and_the_first_gives_the_flag(ict_sad: Protocol) -> None:
    named: list[dict[str, Any]] = [{"definition": "strict", "value": 50}, {"definition": "mild", "value": 20}]
    response = [Threshold(paramcd="LSASTOT", version="2", source="s", **one) for one in named]
    outcomes = ict_sad.study.outcomes.model_copy(update={"response": response})
    trial = Trial(with_study(ict_sad, outcomes=outcomes))
    trial.person("001")
    course(trial, lsas_sr=(100, 70))
    db = trial.tables("analysis.adqs", "analysis.adresp")
    assert db.row("SELECT respfl FROM analysis.adqs WHERE paramcd = 'LSASTOT' AND aseq = 2") == (None,)
    found = db.rows("SELECT defid, defver, aval FROM analysis.adresp WHERE paramcd = 'RESP' ORDER BY 1")
    assert found == [("mild", "2", 1.0), ("strict", "2", 0.0)]


def test_no_per_cent_of_a_baseline_of_0(ict_sad: Protocol) -> None:
    outcomes = ict_sad.study.outcomes.model_copy(
        update={"response": [Threshold(paramcd="PHQ9", definition="half", value=50, source="s")]}
    )
    trial = Trial(with_study(ict_sad, outcomes=outcomes))
    trial.person("001")
    course(trial, phq9=(0, 0))
    assert answers(trial, "half") == {"RESP": "NA"}


def test_just_below_the_per_cent_of_a_response_is_none(trial: Trial) -> None:
    """From 144 by 40 points, 27.8 %, and by 41, 28.5 %."""
    for subject, end in (("001", 104), ("002", 103)):
        trial.person(subject)
        course(trial, subject, lsas_sr=(144, end))
    rows = trial.tables("analysis.adresp").rows(
        "SELECT avalc FROM analysis.adresp WHERE defid = 'lsas_response' ORDER BY usubjid"
    )
    assert rows == [("N",), ("Y",)]


def test_a_prorated_change_just_at_a_threshold_is_reliable(ict_sad: Protocol) -> None:
    """Four items of fear missing: 11 x 24/20 - 6 x 24/20 = 6, in binary fractions 5.999999999999999."""
    stated = ParameterChange(paramcd="LSASTOT", definition="lsas_change", threshold=6, source="for this test")
    named = ict_sad.study.outcomes
    outcomes = named.model_copy(update={"reliable_change": [*named.reliable_change, stated]})
    trial = Trial(with_study(ict_sad, outcomes=outcomes))
    for subject, points in (("001", (11, 6)), ("002", (6, 11))):
        trial.person(subject)
        for study_day, fear in zip((1, 106), points, strict=True):
            answers = lsas(0) | {f"fear_{n}": 1 if n <= fear else 0 for n in range(1, 21)}
            trial.form(subject, "lsas_sr", day(study_day), answers | {f"fear_{n}": None for n in range(21, 25)})
    db = trial.tables("analysis.adqs", "analysis.adresp")
    flags = db.rows("SELECT relchgfl FROM analysis.adqs WHERE paramcd = 'LSASTOT' AND aseq = 2 ORDER BY subjid")
    assert flags == [("IMPROVED",), ("DETERIORATED",)]
    said = "SELECT paramcd, avalc FROM analysis.adresp WHERE defid = 'lsas_change' ORDER BY subjid, paramcd"
    assert db.rows(said) == [("RELDET", "N"), ("RELIMP", "Y"), ("RELDET", "Y"), ("RELIMP", "N")]


def test_definitions_on_a_scale_on_which_high_is_better(ict_sad: Protocol) -> None:
    """A diary of interactions: a case has 20 or fewer, in remission are 60 and more; 10 more are reliable, half as many
    again are a response."""
    diary = load_instrument(INSTRUMENTS / "social_diary.yaml")
    rule: dict[str, Any] = {"paramcd": "SOCINT", "source": "for this test"}
    outcomes = ict_sad.study.outcomes.model_copy(
        update={
            "caseness": [Threshold(definition="alone", value=20, **rule)],
            "remission": [Threshold(definition="among_people", value=60, **rule)],
            "response": [Threshold(definition="half_more", value=50, **rule)],
            "reliable_change": [ParameterChange(definition="ten", threshold=10, **rule)],
            "recovery": [
                Recovery.model_validate(
                    {
                        "definition": "both", "title": "t", "source": "s",
                        "measures": [[{"paramcd": "SOCINT", "caseness": "alone", "reliable_change": "ten"}]],
                    }
                )
            ],
            "sudden_gains": [],
        }
    )  # fmt: skip
    schedules = [*ict_sad.study.instruments, Schedule(instrument="social_diary", visits=["BASELINE", "WEEK 15"])]
    study = ict_sad.study.model_copy(update={"outcomes": outcomes, "instruments": schedules})
    trial = Trial(replace(ict_sad, study=study, instruments={**ict_sad.instruments, "social_diary": diary}))
    cases = [
        # start and end; case at the end, reliably better and worse, response, remission, recovery, reliable recovery
        ((20, 30), "N", "Y", "N", "Y", "N", "Y", "Y"),
        ((21, 11), "Y", "N", "Y", "N", "N", "NA", "NA"),
        ((40, 60), "N", "Y", "N", "Y", "Y", "NA", "NA"),
        ((40, 59), "N", "Y", "N", "N", "N", "NA", "NA"),
        ((12, 21), "N", "N", "N", "Y", "N", "Y", "N"),
        ((9, 20), "Y", "Y", "N", "Y", "N", "N", "N"),
    ]
    items = [f"{kind}_{n}" for kind in ("in_person", "remote") for n in range(1, 8)]
    for number, (ends, *_) in enumerate(cases):
        trial.person(f"{number:03}")
        for study_day, total in zip((1, 106), ends, strict=True):
            answers = {item: min(20, max(0, total - 20 * i)) for i, item in enumerate(items)}
            trial.form(f"{number:03}", "social_diary", day(study_day), answers)
    sql = (
        "SELECT subjid, paramcd, avalc FROM analysis.adresp WHERE avisit = 'WEEK 15' "
        "AND (defid = 'both') = (paramcd IN ('RECOV', 'RELRECOV')) ORDER BY 1"
    )
    said: dict[str, dict[str, str]] = {}
    for subject, question, answer in trial.tables("analysis.adresp").rows(sql):
        said.setdefault(subject, {})[question] = answer
    asked = ("CASE", "RELIMP", "RELDET", "RESP", "REMIS", "RECOV", "RELRECOV")
    assert [tuple(one[question] for question in asked) for one in said.values()] == [tuple(c[1:]) for c in cases]
