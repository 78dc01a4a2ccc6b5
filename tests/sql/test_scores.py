"""Scores worked by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.sql.trial import Trial

DAY = date(2026, 3, 2)
SOCIAL = (5, 7, 10, 11, 12, 15, 18, 19, 22, 23, 24)


def numbered(*answers: Any) -> dict[str, Any]:
    return {str(n): answer for n, answer in enumerate(answers, 1)}


def lsas(fear: dict[int, Any] | int = 1, avoidance: dict[int, Any] | int = 1) -> dict[str, Any]:
    """48 answers; a half is one number for all its items, or its exceptions from 1."""
    answers: dict[str, Any] = {}
    for half, given in (("fear", fear), ("avoidance", avoidance)):
        for n in range(1, 25):
            answers[f"{half}_{n}"] = given if isinstance(given, int) else given.get(n, 1)
    return answers


def scored(trial: Trial, instrument: str, answers: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """paramcd → (aval, nitem, nmiss, dtype) of one form."""
    trial.person("001")
    trial.form("001", instrument, DAY, answers)
    rows = trial.tables().rows("SELECT paramcd, aval, nitem, nmiss, dtype FROM analysis.adqs")
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize(
    ("answers", "total"),
    # CDISC's example of GAD-7 (pharmaverse admiral, Apache-2.0)
    [
        ((2, 2, 2, 2, 3, 3, 1), 15.0),
        ((2, 2, 2, 2, 1, 3, 2), 14.0),
        ((2, 2, 2, 2, 1, 3, 1), 13.0),
        ((1, 1, 1, 1, 1, 1, 1), 7.0),
    ],
)
def test_gad7_totals_of_the_cdisc_example(trial: Trial, answers: tuple[int, ...], total: float) -> None:
    assert scored(trial, "gad7", numbered(*answers)) == {"GAD7": (total, 7, 0, None)}


def test_gad7_allows_one_missing_item(trial: Trial) -> None:
    # six answers of 13 points: 13 x 7/6
    assert scored(trial, "gad7", numbered(2, 2, 2, 2, 3, 2, None)) == {"GAD7": (13 * 7 / 6, 7, 1, "PRORATED")}


def test_phq9_with_two_items_missing_takes_the_mean_of_the_others(trial: Trial) -> None:
    # seven answers of 10 points: 10 x 9/7 = 12.857…, not rounded
    answers = numbered(2, 2, 2, 1, 1, 1, 1, None, None)
    assert scored(trial, "phq9", answers) == {"PHQ9": (90 / 7, 9, 2, "PRORATED")}


def test_phq9_with_three_items_missing_has_no_score_and_never_zero(trial: Trial) -> None:
    answers = numbered(0, 0, 0, 0, 0, 0, None, None, None)
    assert scored(trial, "phq9", answers) == {"PHQ9": (None, 9, 3, None)}


def test_items_that_were_refused_count_as_missing(trial: Trial) -> None:
    # a quarantined answer simply is not there
    assert scored(trial, "phq9", numbered(*[1] * 8)) == {"PHQ9": (9.0, 9, 1, "PRORATED")}


def test_wsas_without_work_counts_the_other_four_five_quarters(trial: Trial) -> None:
    assert scored(trial, "wsas", numbered("NA", 4, 4, 4, 4)) == {"WSAS": (20.0, 5, 0, None)}


def test_wsas_allows_no_missing_item(trial: Trial) -> None:
    assert scored(trial, "wsas", numbered("NA", 4, 4, 4, None)) == {"WSAS": (None, 5, 1, None)}


def test_a_form_that_says_only_not_applicable_has_no_score(trial: Trial) -> None:
    assert scored(trial, "wsas", numbered("NA")) == {"WSAS": (None, 5, 4, None)}


def test_spin_allows_three_missing_items(trial: Trial) -> None:
    assert scored(trial, "spin", numbered(*[2] * 14)) == {"SPIN": (34.0, 17, 3, "PRORATED")}


def test_spin_with_four_items_missing_has_no_score(trial: Trial) -> None:
    assert scored(trial, "spin", numbered(*[2] * 13)) == {"SPIN": (None, 17, 4, None)}


def test_a_form_with_no_answer_at_all_is_no_record(trial: Trial) -> None:
    assert scored(trial, "phq9", numbered(*[None] * 9)) == {}


def test_lsas_complete(trial: Trial) -> None:
    # fear 1 for every item but 3 for item 5 (social interaction) and 2 for item 1 (performance)
    assert scored(trial, "lsas_sr", lsas({5: 3, 1: 2}, 2)) == {
        "LSASFEAR": (27.0, 24, 0, None),
        "LSASAVD": (48.0, 24, 0, None),
        "LSASTOT": (75.0, 48, 0, None),
        "LSASSOC": (11 + 2 + 22.0, 22, 0, None),
        "LSASPERF": (13 + 1 + 26.0, 26, 0, None),
    }


def test_lsas_with_four_of_a_half_missing(trial: Trial) -> None:
    # Fear 1, 2 (performance) and 5, 7 (social) missing; of the other twenty, item 24 is 3 and the rest 1: 22 points.
    found = scored(trial, "lsas_sr", lsas({1: None, 2: None, 5: None, 7: None, 24: 3}, 2))
    assert found == {
        "LSASFEAR": (22 * 24 / 20, 24, 4, "PRORATED"),
        "LSASAVD": (48.0, 24, 0, None),
        "LSASTOT": (22 * 24 / 20 + 48, 48, 4, "PRORATED"),
        "LSASSOC": (11 * 11 / 9 + 22, 22, 2, "PRORATED"),  # nine social items answered: eight of 1, one of 3
        "LSASPERF": (13 + 26.0, 26, 2, "PRORATED"),
    }


def test_lsas_with_five_of_a_half_missing_has_no_total(trial: Trial) -> None:
    # Five performance items of fear missing: neither fear, total nor performance; avoidance and social stand.
    found = scored(trial, "lsas_sr", lsas(dict.fromkeys((1, 2, 3, 4, 6)), 2))
    assert found == {
        "LSASFEAR": (None, 24, 5, None),
        "LSASAVD": (48.0, 24, 0, None),
        "LSASTOT": (None, 48, 5, None),
        "LSASSOC": (11 + 22.0, 22, 0, None),
        "LSASPERF": (None, 26, 5, None),
    }


def test_lsas_subscale_limits_bind_each_half(trial: Trial) -> None:
    # Three social items of fear missing: the social score goes, although fear as a whole may miss four.
    found = scored(trial, "lsas_sr", lsas(dict.fromkeys((5, 7, 10))))
    assert found["LSASSOC"] == (None, 22, 3, None)
    assert found["LSASFEAR"] == (24.0, 24, 3, "PRORATED")


def test_lsas_with_one_half_unanswered(trial: Trial) -> None:
    # A parameter of which nothing is answered has no row; the total has one, without a value.
    answers = {item: value for item, value in lsas().items() if item.startswith("fear_")}
    assert scored(trial, "lsas_sr", answers) == {
        "LSASFEAR": (24.0, 24, 0, None),
        "LSASTOT": (None, 48, 24, None),
        "LSASSOC": (None, 22, 11, None),
        "LSASPERF": (None, 26, 13, None),
    }


def test_subscales_share_the_items_out(trial: Trial) -> None:
    scored(trial, "lsas_sr", lsas())
    db = trial.tables()
    items = db.rows("SELECT item FROM study.score_item WHERE paramcd = 'LSASSOC' AND item LIKE 'fear%'")
    assert sorted(int(item.split("_")[1]) for (item,) in items) == list(SOCIAL)
