"""Made-up rules of known questionnaires, one for each thing that an instrument file may say of missing items, items
that do not apply and rounding; with what they mean, stated by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

from pipelines.study.instrument import Instrument
from pipelines.study.instrument_file import INSTRUMENTS, load_instrument
from tests.sql.published_rules import EQ_PROFILE, Rule, Scale, n

NINE, SEVEN, FIVE = n(1, 9), n(1, 7), n(1, 5)
OTHER_WORTH = {"".join(profile): Fraction(int("".join(profile)), 2**17) for profile in product("12345", repeat=5)}


def _changed(name: str, number: int, score: dict[str, Any], **part: Any) -> Instrument:
    """An instrument with one score, by another rule and under another name."""
    data = load_instrument(INSTRUMENTS / f"{name}.yaml").model_dump(exclude={"cdisc", "risk_items", "labels"})
    parts = [one | part for one in data["scores"][0]["parts"]]
    first = data["scores"][0] | {"parts": parts, "bands": None, "cutoffs": [], "reliable_change": []}
    first |= {"paramcd": f"RULE{number}", "param": f"Rule {number}"} | score
    return Instrument.model_validate(data | {"instrument": f"rule_{number}", "scores": [first]})


def _may_not_apply(name: str, number: int, items: str, **part: Any) -> Instrument:
    """A changed instrument of which some items may be answered NA."""
    data = _changed(name, number, {}, **part).model_dump()
    data["items"][0]["not_applicable"] = items
    return Instrument.model_validate(data)


def _parts(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    usual = {
        "missing_allowed": 2,
        "missing_count_as": "mean",
        "not_applicable_count_as": "mean",
        "prefix": "",
        "named": [],
    }
    return [usual | part for part in parts]


# Instrument and rule of each; `published_rules` does the reckoning.
OTHER: list[tuple[Instrument, Rule]] = [
    # A missing item as its lowest answer: 0 of 0 to 3, and 1 of 1 to 5 also where it is turned around.
    (_changed("phq9", 1, {}, missing_count_as="lowest"), Rule((Scale(NINE, 0, 3, 2, missing_lowest=True),))),
    (
        _changed("bfne", 2, {}, missing_count_as="lowest"),
        Rule((Scale(n(1, 12), 1, 5, 2, frozenset(("2", "4", "7", "10")), missing_lowest=True),)),
    ),
    # Work that does not apply as its lowest answer; missing items as the mean, and as the lowest too.
    (
        _changed("wsas", 3, {}, not_applicable_count_as="lowest", missing_allowed=2),
        Rule((Scale(FIVE, 0, 8, 2, na_lowest=True),)),
    ),
    (
        _changed("wsas", 4, {}, missing_count_as="lowest", missing_allowed=2),
        Rule((Scale(FIVE, 0, 8, 2, missing_lowest=True),)),
    ),
    (
        _changed("wsas", 5, {}, missing_count_as="lowest", not_applicable_count_as="lowest", missing_allowed=2),
        Rule((Scale(FIVE, 0, 8, 2, missing_lowest=True, na_lowest=True),)),
    ),
    # The same where the lowest answer is 1, and an item that may not apply is turned around.
    (
        _may_not_apply("bfne", 15, "1,2", not_applicable_count_as="lowest"),
        Rule((Scale(n(1, 12), 1, 5, 2, frozenset(("2", "4", "7", "10")), na_lowest=True),)),
    ),
    (
        _may_not_apply("bfne", 16, "1,2", missing_count_as="lowest"),
        Rule((Scale(n(1, 12), 1, 5, 2, frozenset(("2", "4", "7", "10")), missing_lowest=True),)),
    ),
    # Rounded scores.
    (_changed("phq9", 6, {"rounding": "half_up"}), Rule((Scale(NINE, 0, 3, 2),), rounding="half_up")),
    (_changed("phq9", 7, {"rounding": "half_even"}), Rule((Scale(NINE, 0, 3, 2),), rounding="half_even")),
    (_changed("phq9", 8, {"rounding": "up"}), Rule((Scale(NINE, 0, 3, 2),), rounding="up")),
    (_changed("phq9", 9, {"rounding": "down"}), Rule((Scale(NINE, 0, 3, 2),), rounding="down")),
    (
        _changed("gad7", 10, {"rounding": "half_up", "decimals": 1, "method": "mean", "range": [0, 3]}),
        Rule((Scale(SEVEN, 0, 3, 1),), mean=True, rounding="half_up", decimals=1),
    ),
    (
        _changed("gad7", 11, {"rounding": "half_even", "decimals": 2, "method": "mean", "range": [0, 3]}),
        Rule((Scale(SEVEN, 0, 3, 1),), mean=True, rounding="half_even", decimals=2),
    ),
    (
        _changed("gad7", 12, {"rounding": "up", "decimals": 1, "method": "mean", "range": [0, 3]}),
        Rule((Scale(SEVEN, 0, 3, 1),), mean=True, rounding="up", decimals=1),
    ),
    (
        _changed("gad7", 13, {"rounding": "down", "decimals": 2, "method": "mean", "range": [0, 3]}),
        Rule((Scale(SEVEN, 0, 3, 1),), mean=True, rounding="down", decimals=2),
    ),
    # Scores that lie just beside a half, or a whole hundredth, in binary: see JUST_BESIDE.
    (
        _changed("scq", 17, {"rounding": "half_up", "decimals": 1}),
        Rule((Scale(n(1, 22, "frequency_"), 1, 5, 4),), mean=True, rounding="half_up", decimals=1),
    ),
    (
        _changed("scq", 18, {"rounding": "half_even", "decimals": 1}),
        Rule((Scale(n(1, 22, "frequency_"), 1, 5, 4),), mean=True, rounding="half_even", decimals=1),
    ),
    (
        _changed("pcl5", 19, {"rounding": "up", "decimals": 2, "method": "mean", "range": [0, 4]}),
        Rule((Scale(n(1, 20), 0, 4, 4),), mean=True, rounding="up", decimals=2),
    ),
    (
        _changed("pcl5", 20, {"rounding": "down", "decimals": 2, "method": "mean", "range": [0, 4]}),
        Rule((Scale(n(1, 20), 0, 4, 4),), mean=True, rounding="down", decimals=2),
    ),
    # A second questionnaire with a value set of its own, of the same profiles: see OTHER_WORTH.
    (
        _changed("eq5d5l", 21, {"method": "value_set", "range": None}),
        Rule((EQ_PROFILE,), profile=True, worth=OTHER_WORTH),
    ),
    # Two parts by two rules.
    (
        _changed(
            "phq9",
            14,
            {
                "parts": _parts(
                    {"numbers": "1-5"}, {"numbers": "6-9", "missing_allowed": 1, "missing_count_as": "lowest"}
                )
            },
        ),
        Rule((Scale(n(1, 5), 0, 3, 2), Scale(n(6, 9), 0, 3, 1, missing_lowest=True))),
    ),
]


def _answers(items: tuple[str, ...], **times: int) -> dict[str, str | None]:
    """So many answers of each value, in the order of the items; the rest is missing."""
    given = [value.strip("_") for value, number in times.items() for _ in range(number)]
    return dict(zip(items, [*given, *[None] * (len(items) - len(given))], strict=True))


# 49 points of 20 answers are 2.45, 41 points 2.05; 11 of 20 items are 0.55, 23 points 1.15.
JUST_BESIDE: list[tuple[str, dict[str, str | None]]] = [
    ("rule_17", _answers(n(1, 22, "frequency_"), _3=9, _2=11)),
    ("rule_18", _answers(n(1, 22, "frequency_"), _2=19, _3=1)),
    ("rule_19", _answers(n(1, 20), _1=11, _0=9)),
    ("rule_20", _answers(n(1, 20), _2=3, _1=17)),
]

# Items that may be answered NA, by instrument.
MAY_NOT_APPLY = {
    "wsas": ["1"],
    "rule_3": ["1"],
    "rule_4": ["1"],
    "rule_5": ["1"],
    "rule_15": ["1", "2"],
    "rule_16": ["1", "2"],
}
