"""Value sets: what a country's people think each answer profile worth (the index of the EQ-5D).

The user brings them, beside the study file in `instruments/`: as a CSV with the columns `profile` and `value`, one
line a profile, or as YAML where the answers take away from full health independently of each other:

    full_health: 1
    decrements:
      1: {2: 0.06, 3: 0.08, 4: 0.2, 5: 0.27}   # item 1: what an answer of 2, 3, … costs

An answer that is not listed costs nothing.
"""

from __future__ import annotations

import csv
from decimal import Decimal, InvalidOperation
from itertools import product
from pathlib import Path

from pipelines.study.instrument import Instrument, Score
from pipelines.study.strict import Strict
from pipelines.study.yaml_file import InvalidFileError, Problem, read_yaml

ValueSet = dict[str, float]  # profile → value
ANYWHERE = "any"


class Decrements(Strict):
    """A value set in which each answer counts by itself."""

    full_health: Decimal
    decrements: dict[str, dict[int, Decimal]]


def load_value_set(path: Path, instrument: Instrument, score: Score) -> ValueSet:
    """The value of every profile that the score's items can make. Raises InvalidFileError."""
    levels = [range(instrument.ranges[item][0], instrument.ranges[item][1] + 1) for item in score.items]
    profiles = ["".join(map(str, answers)) for answers in product(*levels)]
    if path.suffix == ".csv":
        return _read_table(path, profiles)
    file = read_yaml(path)
    weights = file.into(Decrements)
    strange = [
        file.problem(("decrements", item), f"`{item}` is none of the profile's items: {', '.join(score.items)}")
        for item in weights.decrements
        if item not in score.items
    ]
    if strange:
        raise InvalidFileError(strange)
    costs = [weights.decrements.get(item, {}) for item in score.items]
    return {profile: float(weights.full_health - _cost(profile, costs)) for profile in profiles}


def _cost(profile: str, costs: list[dict[int, Decimal]]) -> Decimal:
    return sum((of.get(int(level), Decimal(0)) for level, of in zip(profile, costs, strict=True)), Decimal(0))


def _read_table(path: Path, profiles: list[str]) -> ValueSet:
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InvalidFileError([Problem(path, None, "cannot be read as a CSV file in UTF-8")]) from None
    if not rows or not {"profile", "value"} <= set(rows[0][1]):
        raise InvalidFileError([Problem(path, 1, "expected the columns profile,value and a line for each profile")])
    known, found = set(profiles), dict[str, float]()
    problems = []
    for line, row in rows:
        profile, value = (row["profile"] or "").strip(), _number(row["value"])
        if profile not in known:
            problems.append(Problem(path, line, "this profile cannot be made of the instrument's answers"))
        elif profile in found:
            problems.append(Problem(path, line, f"profile {profile} is listed twice"))
        elif value is None:
            problems.append(Problem(path, line, f"profile {profile} has no number as its value"))
        else:
            found[profile] = value
    lacking = [profile for profile in profiles if profile not in found]
    if lacking and not problems:
        problems.append(Problem(path, None, f"{len(lacking)} profiles have no value, the first is {lacking[0]}"))
    if problems:
        raise InvalidFileError(problems[:20])
    return found


def _number(text: str | None) -> float | None:
    try:
        number = Decimal((text or "").strip())
    except InvalidOperation:
        return None
    return float(number) if number.is_finite() else None
