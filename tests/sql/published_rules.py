"""How each instrument is scored, stated by hand from what is published about it, and slowly reckoned from that.

Nothing here reads an instrument file or a SQL file. Where no rule for missing items is published, the one that the
trial team chose stands here too: 20 % of a scale, but one of the seven of the GAD-7, three of the 17 of the SPIN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

Answers = Mapping[str, str | None]  # by item: a number, NA, or nothing


@dataclass(frozen=True)
class Scale:
    """Items that stand for each other when one is missing; with `missing_lowest` a missing one counts as its lowest
    answer instead, and with `na_lowest` one that does not apply. `turned` items count from the other end."""

    items: tuple[str, ...]
    low: int
    high: int
    may_miss: int
    turned: frozenset[str] = frozenset()
    missing_lowest: bool = False
    na_lowest: bool = False


@dataclass(frozen=True)
class Rule:
    scales: tuple[Scale, ...]
    mean: bool = False
    profile: bool = False
    worth: Mapping[str, Fraction] = field(default_factory=dict)  # of a profile
    rounding: str = "none"
    decimals: int = 0

    @property
    def items(self) -> list[str]:
        return [item for scale in self.scales for item in scale.items]


@dataclass(frozen=True)
class Scored:
    value: Fraction | None
    text: str | None
    n_missing: int
    prorated: bool


def n(first: int, last: int, prefix: str = "") -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(first, last + 1))


def of(prefix: str, *numbers: int) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in numbers)


SOCIAL = (5, 7, 10, 11, 12, 15, 18, 19, 22, 23, 24)
PERFORMANCE = (1, 2, 3, 4, 6, 8, 9, 13, 14, 16, 17, 20, 21)
FEAR, AVOIDANCE = Scale(n(1, 24, "fear_"), 0, 3, 4), Scale(n(1, 24, "avoidance_"), 0, 3, 4)
HQ_TURNED = frozenset(of("", 4, 7, 10, 15, 21, 25))


def one(item: str, low: int, high: int) -> Rule:
    return Rule((Scale((item,), low, high, 0),))


def whole(last: int, low: int, high: int, may_miss: int, turned: tuple[int, ...] = ()) -> Rule:
    return Rule((Scale(n(1, last), low, high, may_miss, frozenset(of("", *turned))),))


def part(numbers: tuple[int, ...], low: int, high: int, may_miss: int, turned: frozenset[str] = frozenset()) -> Rule:
    return Rule((Scale(of("", *numbers), low, high, may_miss, turned),))


EQ_PROFILE = Scale(n(1, 5), 1, 5, 0)

RULES: dict[str, dict[str, Rule]] = {
    # Liebowitz: fear and avoidance of 24 situations, 0 to 3.
    "lsas_sr": {
        "LSASTOT": Rule((FEAR, AVOIDANCE)),
        "LSASFEAR": Rule((FEAR,)),
        "LSASAVD": Rule((AVOIDANCE,)),
        "LSASSOC": Rule((Scale(of("fear_", *SOCIAL), 0, 3, 2), Scale(of("avoidance_", *SOCIAL), 0, 3, 2))),
        "LSASPERF": Rule((Scale(of("fear_", *PERFORMANCE), 0, 3, 2), Scale(of("avoidance_", *PERFORMANCE), 0, 3, 2))),
    },
    "phq9": {"PHQ9": whole(9, 0, 3, 2)},  # Arrieta 2017: up to two by the mean of the others
    "gad7": {"GAD7": whole(7, 0, 3, 1)},
    "wsas": {"WSAS": whole(5, 0, 8, 0)},  # item 1 may be NA
    "spin": {"SPIN": whole(17, 0, 4, 3)},
    "mini_spin": {"MSPIN": whole(3, 0, 4, 0)},
    "sias": {"SIAS": whole(20, 0, 4, 4, turned=(5, 9, 11))},
    "sps": {"SPS": whole(20, 0, 4, 4)},
    "bfne": {"BFNE": whole(12, 1, 5, 2, turned=(2, 4, 7, 10))},
    "spwss": {"SPWSS": whole(6, 0, 8, 1)},
    "scq": {
        "SCQFREQ": Rule((Scale(n(1, 22, "frequency_"), 1, 5, 4),), mean=True),
        "SCQBEL": Rule((Scale(n(1, 22, "belief_"), 0, 100, 4),), mean=True),
    },
    "sbq": {"SBQ": whole(28, 0, 3, 5)},
    "saq": {"SAQ": Rule((Scale(n(1, 50), 1, 7, 10),), mean=True)},
    "tks": {"TKS": whole(31, 1, 7, 6)},
    # DSM-5's clusters B, C, D and E.
    "pcl5": {
        "PCL5": whole(20, 0, 4, 4),
        "PCL5B": part((1, 2, 3, 4, 5), 0, 4, 1),
        "PCL5C": part((6, 7), 0, 4, 0),
        "PCL5D": part((8, 9, 10, 11, 12, 13, 14), 0, 4, 1),
        "PCL5E": part((15, 16, 17, 18, 19, 20), 0, 4, 1),
    },
    "pdss_sr": {"PDSSSR": whole(7, 0, 4, 1)},
    "hq25": {
        "HQ25": whole(25, 0, 4, 5, turned=(4, 7, 10, 15, 21, 25)),
        "HQ25SOC": part((1, 4, 6, 8, 11, 13, 15, 18, 20, 23, 25), 0, 4, 2, HQ_TURNED),
        "HQ25ISO": part((2, 5, 9, 12, 16, 19, 22, 24), 0, 4, 1, HQ_TURNED),
        "HQ25EMO": part((3, 7, 10, 14, 17, 21), 0, 4, 1, HQ_TURNED),
    },
    "eq5d5l": {
        "EQ5DPROF": Rule((EQ_PROFILE,), profile=True),
        "EQ5DMO": one("1", 1, 5),
        "EQ5DSC": one("2", 1, 5),
        "EQ5DUA": one("3", 1, 5),
        "EQ5DPD": one("4", 1, 5),
        "EQ5DAD": one("5", 1, 5),
        "EQVAS": one("vas", 0, 100),
    },
    "adis5": {"ADISCSR": one("severity", 0, 8)},
    # This project's own: seven days, two of which may be missing.
    "social_diary": {
        "SOCINT": Rule((Scale(n(1, 7, "in_person_"), 0, 20, 2), Scale(n(1, 7, "remote_"), 0, 20, 2))),
        "SOCINTP": Rule((Scale(n(1, 7, "in_person_"), 0, 20, 2),)),
        "SOCINTR": Rule((Scale(n(1, 7, "remote_"), 0, 20, 2),)),
    },
    "cgi": {"CGIS": one("severity", 1, 7), "CGII": one("improvement", 1, 7)},
}


def score(answers: Answers, rule: Rule) -> Scored:
    """Every missing item of a scale is written in as the mean of those answered, and so is one that does not apply."""
    n_missing = sum(answers.get(item) is None for item in rule.items)
    if rule.profile:
        told = [answers.get(item) for item in rule.items]
        text = None if None in told else "".join(str(answer) for answer in told)
        value = rule.worth.get(text or "")
        return Scored(value, None if rule.worth else text, n_missing, prorated=False)
    points: list[Fraction] = []
    for scale in rule.scales:
        filled = _filled(answers, scale)
        if filled is None:
            return Scored(None, None, n_missing, prorated=False)
        points += filled
    total = sum(points, Fraction(0))
    gaps = [not s.missing_lowest and any(answers.get(item) is None for item in s.items) for s in rule.scales]
    return Scored(_rounded(total / len(points) if rule.mean else total, rule), None, n_missing, prorated=any(gaps))


def _rounded(value: Fraction, rule: Rule) -> Fraction:
    """Halves up, or to the even digit; or everything up or down."""
    if rule.rounding == "none":
        return value
    ways = {"half_up": ROUND_HALF_UP, "half_even": ROUND_HALF_EVEN, "up": ROUND_CEILING, "down": ROUND_FLOOR}
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return Fraction(exact.quantize(Decimal(1).scaleb(-rule.decimals), ways[rule.rounding]))


def _filled(answers: Answers, scale: Scale) -> list[Fraction] | None:
    given: list[Fraction | None] = []
    n_answered = 0
    for item in scale.items:
        answer = answers.get(item)
        if answer is None or answer == "NA":
            as_lowest = scale.missing_lowest if answer is None else scale.na_lowest
            given.append(Fraction(scale.low) if as_lowest else None)
        else:
            n_answered += 1
            points = int(answer)
            given.append(Fraction(scale.high - (points - scale.low) if item in scale.turned else points))
    missing = sum(answers.get(item) is None for item in scale.items)
    if missing > scale.may_miss or n_answered == 0:
        return None
    known = [
        p for item, p in zip(scale.items, given, strict=True) if answers.get(item) not in (None, "NA") and p is not None
    ]
    mean = sum(known, Fraction(0)) / len(known)
    return [mean if points is None else points for points in given]
