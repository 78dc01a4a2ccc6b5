"""What every instrument file comes to, against the same rules stated by hand (tests/sql/published_rules.py): items,
what they may hold, which are turned around, which are summed together and how many may be missing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.study.instrument import Instrument, Score
from pipelines.study.instrument_file import INSTRUMENTS, load_instrument
from pipelines.study.item_names import ItemNames, numbers_of
from pipelines.study.outcome import Outcomes
from pipelines.study.reliable_change import ReliableChange
from pipelines.study.value_set import load_value_set
from tests.sql.published_rules import RULES, Rule

WITH_A_MEAN = {"SCQFREQ", "SCQBEL", "SAQ"}


@pytest.mark.parametrize("name", sorted(RULES))
def test_a_file_comes_to_its_published_rule(name: str) -> None:
    instrument = load_instrument(INSTRUMENTS / f"{name}.yaml")
    scores = {score.paramcd: score for score in instrument.scores if score.method != "value_set"}
    assert set(scores) == set(RULES[name])
    for paramcd, rule in RULES[name].items():
        same(instrument, scores[paramcd], rule)
        assert instrument.is_verified(scores[paramcd]) in (True, False)
    assert set(instrument.totals) == {
        paramcd for paramcd, rule in RULES[name].items() if not (rule.mean or rule.profile)
    }


def same(instrument: Instrument, score: Score, rule: Rule) -> None:
    assert [part.items for part in score.parts] == [list(scale.items) for scale in rule.scales]
    assert score.items == rule.items
    assert (score.method == "mean", score.is_profile) == (rule.mean, rule.profile)
    assert (score.rounding, score.decimals) == (rule.rounding, rule.decimals) == ("none", 0)
    for part, scale in zip(score.parts, rule.scales, strict=True):
        assert part.missing_allowed == scale.may_miss
        assert {instrument.ranges[item] for item in part.items} == {(scale.low, scale.high)}
        assert instrument.reversed_items & set(part.items) == scale.turned & set(scale.items)
    if score.paramcd in instrument.totals:
        lowest, highest = (sum(end * len(s.items) for s, end in zip(rule.scales, ends, strict=True)) for ends in (
            [s.low for s in rule.scales], [s.high for s in rule.scales]
        ))  # fmt: skip
        assert instrument.totals[score.paramcd] == (lowest, highest)


def test_what_a_score_says_of_itself_goes_before_what_its_file_says() -> None:
    hq25 = load_instrument(INSTRUMENTS / "hq25.yaml")
    assert [hq25.is_verified(score) for score in hq25.scores] == [True, False, False, False]
    assert not load_instrument(INSTRUMENTS / "spwss.yaml").is_verified(
        load_instrument(INSTRUMENTS / "spwss.yaml").scores[0]
    )


def test_levels_of_severity_go_from_one_number_to_the_next() -> None:
    (gad7,) = load_instrument(INSTRUMENTS / "gad7.yaml").scores
    assert gad7.bands is not None
    assert gad7.bands.spans == [("minimal", 0, 5), ("mild", 5, 10), ("moderate", 10, 15), ("severe", 15, None)]


def test_items_that_hold_only_some_numbers_and_those_that_may_not_apply() -> None:
    data = load_instrument(INSTRUMENTS / "wsas.yaml").model_dump()
    assert Instrument.model_validate(data).may_be_not_applicable == {"1"}
    data["items"] = [{"numbers": "1-5", "values": [3, 0, 1]}]
    some = Instrument.model_validate(data)
    assert (some.ranges["5"], some.listed_values["5"]) == ((0, 3), [0, 1, 3])


def test_runs_of_numbers() -> None:
    assert numbers_of("1-3,7, 9 - 9") == [1, 2, 3, 7, 9]
    assert numbers_of("2") == [2]
    for wrong in ("3-1", "a", "1-"):
        with pytest.raises(ValueError, match=r"runs backwards|does not list"):
            numbers_of(wrong)
    names = ItemNames(prefix="fear_", numbers="2-3")
    assert (names.items, names.as_written) == (["fear_2", "fear_3"], "fear_2-3")
    assert ItemNames(named=["vas", "x"]).as_written == "vas, x"


@pytest.mark.parametrize(
    ("sd", "reliability", "points"), [(10.5, 0.931, 7.645), (7.0, 0.5, 13.720), (0.5, 0.75, 0.693)]
)
def test_reliable_change(sd: float, reliability: float, points: float) -> None:
    """Jacobson & Truax 1991; the first is the worked example of the field's facts."""
    assert round(ReliableChange(sd=sd, reliability=reliability, source="s").points, 3) == points
    assert ReliableChange(threshold=6, source="s").points == 6
    for wrong in ({}, {"threshold": 6, "sd": 1.0, "reliability": 0.5}, {"sd": 1.0}, {"reliability": 0.5}):
        with pytest.raises(ValueError, match="give either `threshold`"):
            ReliableChange.model_validate(wrong | {"source": "s"})


def test_which_definition_is_in_force() -> None:
    outcomes = Outcomes.model_validate(
        {
            "primary": {"paramcd": "SPIN", "avisit": "V"},
            "caseness": [
                {"paramcd": "PHQ9", "value": 10, "source": "s"},
                {"paramcd": "SPIN", "definition": "usual", "value": 19, "source": "s"},
                {"paramcd": "SPIN", "definition": "later", "value": 20, "source": "s"},
                {"paramcd": "SPIN", "definition": "japan", "value": 22, "countries": ["JPN"], "source": "s"},
            ],
        }
    )
    found = {
        country: definition.points if (definition := outcomes.in_force("caseness", "SPIN", country)) else None
        for country in ("GBR", "JPN")
    }
    assert found == {"GBR": 19, "JPN": 22}
    assert outcomes.in_force("caseness", "GAD7", "GBR") is None
    assert outcomes.named("caseness", "phq9_caseness").points == 10
    assert outcomes.named("caseness", "later").points == 20


@pytest.mark.parametrize("name", ["set.yaml", "set.csv"])
def test_a_value_set_by_decrements_or_as_a_table(tmp_path: Path, name: str) -> None:
    """Full health 1; item 1 costs .06 and .27, item 5 .1 at levels 2 and 5."""
    instrument = load_instrument(INSTRUMENTS / "eq5d5l.yaml")
    score = next(score for score in instrument.scores if score.method == "value_set")
    cost = {("1", 2): Decimal("0.06"), ("1", 5): Decimal("0.27"), ("5", 2): Decimal("0.1"), ("5", 5): Decimal("0.1")}
    every = [f"{a}{b}{c}{d}{e}" for a in "12345" for b in "12345" for c in "12345" for d in "12345" for e in "12345"]

    def worth(profile: str) -> Decimal:
        return 1 - cost.get(("1", int(profile[0])), Decimal(0)) - cost.get(("5", int(profile[4])), Decimal(0))

    path = tmp_path / name
    if name.endswith("csv"):
        path.write_text("profile,value,note\n" + "".join(f" {p} , {worth(p)} ,x\n" for p in every))
    else:
        path.write_text("full_health: 1\ndecrements:\n  1: {2: 0.06, 5: 0.27}\n  5: {2: 0.1, 5: 0.1}\n")
    found = load_value_set(path, instrument, score)
    assert found == {profile: float(worth(profile)) for profile in every}


def test_what_items_may_say() -> None:
    data = load_instrument(INSTRUMENTS / "wsas.yaml").model_dump() | {"cdisc": None}
    whole = Instrument.model_validate(data | {"items": [{"numbers": "1-5", "range": [0, 8], "reversed": "1-5"}]})
    assert whole.reversed_items == {"1", "2", "3", "4", "5"}
    assert whole.test_codes == {}
    for items, said in (
        ([{"numbers": "1-5", "range": [8, 8]}], "runs backwards"),
        ([{"numbers": "1-3", "range": [0, 8]}, {"numbers": "3-5", "range": [0, 8]}], "items listed twice: 3"),
        ([{"numbers": "1-5", "range": [0, 8], "reversed": "6"}], "name items outside"),
    ):
        with pytest.raises(ValueError, match=said):
            Instrument.model_validate(data | {"items": items})
