"""Scores of the instruments and rival rules that are not in the built-in trial, worked by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.study.instrument import Instrument
from pipelines.study.instrument_file import INSTRUMENTS, load_instrument
from pipelines.study.load import Protocol
from pipelines.study.study import Schedule
from tests.sql import test_scores
from tests.sql.trial import Trial

DAY = date(2026, 3, 2)


def numbered(*answers: Any) -> dict[str, Any]:
    return {str(n): answer for n, answer in enumerate(answers, 1)}


def trial_with(ict_sad: Protocol, *instruments: Instrument, values: Any = None) -> Trial:
    named = {instrument.instrument: instrument for instrument in instruments}
    schedules = [*ict_sad.study.instruments, *(Schedule(instrument=n, visits=["BASELINE"]) for n in named)]
    study = ict_sad.study.model_copy(update={"instruments": schedules})
    trial = Trial(replace(ict_sad, study=study, instruments={**ict_sad.instruments, **named}, value_sets=values or {}))
    trial.person("001")
    return trial


def built_in(*names: str) -> list[Instrument]:
    return [load_instrument(INSTRUMENTS / f"{name}.yaml") for name in names]


def scored(trial: Trial) -> dict[str, tuple[Any, ...]]:
    """paramcd → (aval, nitem, nmiss, dtype)."""
    rows = trial.tables("analysis.adqs").rows("SELECT paramcd, aval, nitem, nmiss, dtype FROM analysis.adqs")
    return {row[0]: row[1:] for row in rows}


# name, answers, what comes out. All are scored in one run.
GOLDEN: list[tuple[str, dict[str, Any], dict[str, tuple[Any, ...]]]] = [
    # 4 + 0 + 2
    ("mini_spin", numbered(4, 0, 2), {"MSPIN": (6.0, 3, 0, None)}),
    # All 1, items 5, 9 and 11 turned: 17 x 1 + 3 x (4 - 1) = 26.
    ("sias", numbered(*[1] * 20), {"SIAS": (26.0, 20, 0, None)}),
    # 16 answers of 2, four missing (as many as may be): 32 x 20/16 = 40.
    ("sps", numbered(*[2] * 16), {"SPS": (40.0, 20, 4, "PRORATED")}),
    # All 5 of 1 to 5; items 2, 4, 7 and 10 turned to 1: 8 x 5 + 4 x 1 = 44.
    ("bfne", numbered(*[5] * 12), {"BFNE": (44.0, 12, 0, None)}),
    # B 1,1,1,1,1 = 5; C 2,2 = 4; D 3 x 7 = 21; E 4 x 6 = 24.
    (
        "pcl5",
        numbered(1, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4),
        {
            "PCL5": (54.0, 20, 0, None),
            "PCL5B": (5.0, 5, 0, None),
            "PCL5C": (4.0, 2, 0, None),
            "PCL5D": (21.0, 7, 0, None),
            "PCL5E": (24.0, 6, 0, None),
        },
    ),
    # Six answers of 2, one missing: 12 x 7/6 = 14.
    ("pdss_sr", numbered(2, 2, 2, 2, 2, 2, None), {"PDSSSR": (14.0, 7, 1, "PRORATED")}),
    # All 0; items 4, 7, 10, 15, 21 and 25 turned: 6 x 4 = 24. 4, 15 and 25 belong to socialisation, 7, 10 and 21
    # to emotional support.
    (
        "hq25",
        numbered(*[0] * 25),
        {
            "HQ25": (24.0, 25, 0, None),
            "HQ25SOC": (12.0, 11, 0, None),
            "HQ25ISO": (0.0, 8, 0, None),
            "HQ25EMO": (12.0, 6, 0, None),
        },
    ),
    ("adis5", {"severity": 5}, {"ADISCSR": (5.0, 1, 0, None)}),
    # CDISC's example: moderate is 4, minimally improved 3.
    ("cgi", {"severity": 4, "improvement": 3}, {"CGIS": (4.0, 1, 0, None), "CGII": (3.0, 1, 0, None)}),
]


def test_golden_cases(ict_sad: Protocol) -> None:
    trial = trial_with(ict_sad, *built_in(*(name for name, _, _ in GOLDEN)))
    for name, answers, _ in GOLDEN:
        trial.form("001", name, DAY, answers)
    assert scored(trial) == {code: values for _, _, expected in GOLDEN for code, values in expected.items()}


# Rival rules: what is missing, and what comes of it.
RIVALS: list[tuple[str, dict[str, Any], dict[str, tuple[Any, ...]]]] = [
    # Six answers of 13 points, which the usual rule makes 13 x 7/6 of.
    ("gad7@complete", numbered(2, 2, 2, 2, 3, 2, None), {"GAD7": (None, 7, 1, None)}),
    # All 2 but avoidance of situation 1, of performance: 48; nothing that needs the missing one.
    (
        "lsas_sr@complete",
        {f"{half}_{n}": 2 for half in ("fear", "avoidance") for n in range(1, 25)} | {"avoidance_1": None},
        {
            "LSASTOT": (None, 48, 1, None),
            "LSASFEAR": (48.0, 24, 0, None),
            "LSASAVD": (None, 24, 1, None),
            "LSASSOC": (44.0, 22, 0, None),
            "LSASPERF": (None, 26, 1, None),
        },
    ),
    # 0 + 1 + 2 + 3 + 4 + 4 + 0 = 14, by seven items.
    ("pdss_sr@composite", numbered(0, 1, 2, 3, 4, 4, 0), {"PDSSSR": (2.0, 7, 0, None)}),
    # Work not applicable counts 0, not the mean of the others.
    ("wsas@na_as_zero", numbered("NA", 4, 4, 4, 4), {"WSAS": (16.0, 5, 0, None)}),
]


@pytest.mark.parametrize(("name", "answers", "expected"), RIVALS, ids=[name for name, _, _ in RIVALS])
def test_golden_cases_of_rival_rules(
    ict_sad: Protocol, name: str, answers: dict[str, Any], expected: dict[str, tuple[Any, ...]]
) -> None:
    trial = trial_with(ict_sad, *built_in(name))
    trial.form("001", name.partition("@")[0], DAY, answers)
    assert scored(trial) == expected


def test_every_verified_score_has_a_golden_case() -> None:
    """Here, or in test_scores.py for those of the built-in trial."""
    worked = {name: set(expected) for name, _, expected in [*GOLDEN, *RIVALS]}
    worked["eq5d5l"] = {"EQ5DPROF", "EQ5DIX", "EQ5DMO", "EQ5DSC", "EQ5DUA", "EQ5DPD", "EQ5DAD", "EQVAS"}
    in_the_trial = Path(test_scores.__file__).read_text(encoding="utf-8")
    for name in re.findall(r'scored\(trial, "(\w+)"', in_the_trial):
        worked.setdefault(name, set()).update(re.findall(r'"([A-Z0-9]+)": \(', in_the_trial))
    for path in INSTRUMENTS.glob("*.yaml"):
        instrument = load_instrument(path)
        verified = {score.paramcd for score in instrument.scores if instrument.is_verified(score)}
        assert verified <= worked.get(path.stem, set()), path.stem


EQ5D = {"1": 3, "2": 2, "3": 4, "4": 3, "5": 1, "vas": 65}


def eq5d(trial: Trial) -> dict[str, tuple[Any, ...]]:
    rows = trial.tables("analysis.adqs").rows("SELECT paramcd, aval, avalc, nmiss FROM analysis.adqs")
    return {row[0]: row[1:] for row in rows}


def test_an_eq5d_profile_is_text_and_each_dimension_a_number(ict_sad: Protocol) -> None:
    # The published example: MO 3, SC 2, UA 4, PD 3, AD 1 is 32431. Without a value set there is no index.
    trial = trial_with(ict_sad, *built_in("eq5d5l"))
    trial.form("001", "eq5d5l", DAY, EQ5D)
    assert eq5d(trial) == {
        "EQ5DPROF": (None, "32431", 0),
        "EQ5DMO": (3.0, None, 0),
        "EQ5DSC": (2.0, None, 0),
        "EQ5DUA": (4.0, None, 0),
        "EQ5DPD": (3.0, None, 0),
        "EQ5DAD": (1.0, None, 0),
        "EQVAS": (65.0, None, 0),
    }


def test_an_incomplete_eq5d_has_neither_profile_nor_index(ict_sad: Protocol) -> None:
    trial = trial_with(ict_sad, *built_in("eq5d5l"), values={"eq5d5l": {"any": {"32431": 0.5}}})
    trial.form("001", "eq5d5l", DAY, EQ5D | {"5": None})
    found = eq5d(trial)
    assert (found["EQ5DPROF"], found["EQ5DIX"]) == ((None, None, 1), (None, None, 1))


def test_the_index_is_that_of_the_country(ict_sad: Protocol) -> None:
    values = {"eq5d5l": {"JPN": {"32431": 0.61}, "any": {"32431": 0.43}}}
    trial = trial_with(ict_sad, *built_in("eq5d5l"), values=values)
    trial.person("M1", site_id="miyazaki")
    trial.form("001", "eq5d5l", DAY, EQ5D)
    trial.form("M1", "eq5d5l", DAY, EQ5D, site_id="miyazaki")
    rows = trial.tables("analysis.adqs").rows(
        "SELECT siteid, aval FROM analysis.adqs WHERE paramcd = 'EQ5DIX' ORDER BY siteid"
    )
    assert rows == [("miyazaki", 0.61), ("oxford", 0.43)]


def phq9_with(**changed: Any) -> Instrument:
    """The PHQ-9 by another rule: `missing_count_as`, or what belongs to a score."""
    (phq9,) = built_in("phq9")
    data = phq9.model_dump(exclude={"cdisc"})
    counts_as = changed.pop("missing_count_as", "mean")
    data["scores"][0]["parts"][0]["missing_count_as"] = counts_as
    data["scores"][0] |= changed
    return Instrument.model_validate(data)


@pytest.mark.parametrize(
    ("rule", "answers", "value"),
    [
        # eight answers of 9 points: 9 x 9/8 = 10.125
        ({}, [2, 1, 1, 1, 1, 1, 1, 1, None], 10.125),
        ({"rounding": "half_up"}, [2, 1, 1, 1, 1, 1, 1, 1, None], 10.0),
        ({"rounding": "up"}, [2, 1, 1, 1, 1, 1, 1, 1, None], 11.0),
        ({"rounding": "down"}, [2, 1, 1, 1, 1, 1, 1, 1, None], 10.0),
        ({"rounding": "half_up", "decimals": 2}, [2, 1, 1, 1, 1, 1, 1, 1, None], 10.13),
        ({"rounding": "half_even", "decimals": 2}, [2, 1, 1, 1, 1, 1, 1, 1, None], 10.12),
        # eight answers of 4 points: 4 x 9/8 = 4.5, a half
        ({"rounding": "half_up"}, [1, 1, 1, 1, 0, 0, 0, 0, None], 5.0),
        ({"rounding": "half_even"}, [1, 1, 1, 1, 0, 0, 0, 0, None], 4.0),
        # as the lowest answer: 9 + 0
        ({"missing_count_as": "lowest"}, [2, 1, 1, 1, 1, 1, 1, 1, None], 9.0),
        # as a mean of nine items: 10.125 / 9 = 1.125
        ({"method": "mean", "range": [0, 3]}, [2, 1, 1, 1, 1, 1, 1, 1, None], 1.125),
    ],
)
def test_rounding_and_proration_are_as_the_file_says(
    ict_sad: Protocol, rule: dict[str, Any], answers: list[Any], value: float
) -> None:
    trial = trial_with(ict_sad, phq9_with(**rule))
    trial.form("001", "phq9", DAY, numbered(*answers))
    how = "LOWEST" if "missing_count_as" in rule else "PRORATED"
    assert scored(trial) == {"PHQ9": (value, 9, 1, how)}


def test_a_reversed_item_that_is_missing_counts_as_its_lowest_points(ict_sad: Protocol) -> None:
    # BFNE, items from 1 to 5, eleven answered 3, item 2 missing and turned around: 33 + 1.
    (bfne,) = built_in("bfne")
    data = bfne.model_dump()
    data["scores"][0]["parts"][0]["missing_count_as"] = "lowest"
    trial = trial_with(ict_sad, Instrument.model_validate(data))
    trial.form("001", "bfne", DAY, numbered(3, None, *[3] * 10))
    assert scored(trial) == {"BFNE": (34.0, 12, 1, "LOWEST")}


@pytest.fixture(scope="module")
def severity(ict_sad: Protocol) -> Iterator[dict[float, str | None]]:
    trial = trial_with(ict_sad)
    for n, answers in enumerate([[1, 1, 1, 1], [1, 1, 1, 1, 1], [3, 3, 3], [3, 3, 3, 1], [3] * 5, [3] * 7]):
        trial.form("001", "gad7", date(2026, 3, 2 + n), numbered(*answers, *[0] * (7 - len(answers))))
    yield dict(trial.tables("analysis.adqs").rows("SELECT aval, avalca1 FROM analysis.adqs"))


@pytest.mark.parametrize(
    ("total", "level"), [(4, "minimal"), (5, "mild"), (9, "mild"), (10, "moderate"), (15, "severe"), (21, "severe")]
)
def test_levels_of_severity_begin_at_their_number(severity: dict[float, str | None], total: float, level: str) -> None:
    assert severity[total] == level


def test_what_nobody_has_read_is_published_with_the_rule(ict_sad: Protocol) -> None:
    trial = trial_with(ict_sad, *built_in("hq25", "spwss"))
    rules = trial.tables("quality.instrument").records("SELECT * FROM quality.instrument")
    by_code = {rule["paramcd"]: rule for rule in rules}
    assert by_code["HQ25"]["verified"] and not by_code["HQ25SOC"]["verified"] and not by_code["SPWSS"]["verified"]
    assert "Which items make up socialisation" in by_code["HQ25SOC"]["unsure"]
    assert by_code["LSASTOT"]["missing_allowed"] == "4 of 24 and 4 of 24"
    assert by_code["GAD7"]["severity"] == "minimal from 0, mild from 5, moderate from 10, severe from 15"
    assert by_code["GAD7"]["test_code"] == "GAD02TS"
    assert by_code["SPIN"]["thresholds"] == "caseness 19, caseness in JPN 22, reliable change 10 (not verified)"
