"""Which columns of a wide file hold the items of which instrument."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.onboarding.names import plain
from pipelines.onboarding.sample import Sample
from pipelines.study.instrument import Instrument

_NUMBER = re.compile(r"\d+")


def numbered(columns: Iterable[str]) -> dict[str, dict[int, str]]:
    """Names that differ in one number only: pattern with `{n}` → number → name."""
    groups: dict[str, dict[int, str]] = defaultdict(dict)
    for column in columns:
        for match in _NUMBER.finditer(column):
            pattern = f"{column[: match.start()]}{{n}}{column[match.end() :]}"
            groups[pattern].setdefault(int(match[0]), column)
    return groups


def find_form(instrument: Instrument, sample: Sample, taken: set[str]) -> dict[str, str]:
    """Item pattern → column pattern for an instrument whose name stands in the columns' names; empty when none fits.

    Of several patterns that hold enough numbers, the one whose name says more of the item's wins.
    """
    groups = numbered(column for column in sample.columns if column not in taken)
    items: dict[str, str] = {}
    for pattern, names in sorted(numbered(instrument.ranges).items()):
        fitting = {
            column: score
            for column, found in groups.items()
            if set(names) <= set(found)
            and column not in items.values()
            and (score := _likeness(instrument.instrument, pattern, column)) > 0
            and _in_range(instrument, names, found, sample)
        }
        if fitting:
            items[pattern] = min(fitting, key=lambda column: (-fitting[column], len(column), column))
    return items if len(items) == len(numbered(instrument.ranges)) else {}


def _likeness(instrument: str, pattern: str, column: str) -> int:
    """How much of the instrument's and the item's name a column's name says: 0 where it is not the instrument's."""
    said = plain(column.replace("{n}", ""))
    name = plain(instrument)
    stem = re.sub(r"(sr|\d+)$", "", name) or name
    if stem not in said:
        return 0
    part = plain(pattern.replace("{n}", ""))
    rest = said.replace(stem, "", 1)
    return 1 + 2 * (name in said) + (4 * (part in rest) or 2 * rest.startswith(part[:1]) if part else 1)


def _in_range(instrument: Instrument, names: Mapping[int, str], found: Mapping[int, str], sample: Sample) -> bool:
    """Whether nine in ten of the numbers in these columns are answers that the items allow."""
    inside = total = 0
    for number, item in names.items():
        low, high = instrument.ranges[item]
        answers = sample.numbers(found[number])
        total += len(answers)
        inside += sum(low <= answer <= high for answer in answers)
    return total == 0 or inside >= 0.9 * total


def unlikely_answers(
    instruments: Mapping[str, Instrument], forms: Iterable[dict[str, Any]], sample: Sample
) -> list[str]:
    """Whole numbers that items of the forms do not allow and that occur in several columns: codes of their own."""
    columns_of: dict[str, set[str]] = defaultdict(set)
    for form in forms:
        instrument, groups = instruments[form["instrument"]], numbered(sample.columns)
        for pattern, names in numbered(instrument.ranges).items():
            for number, item in names.items():
                column = groups[form["items"][pattern]][number]
                low, high = instrument.ranges[item]
                for answer in set(sample.numbers(column)):
                    if answer.is_integer() and not low <= answer <= high:
                        columns_of[str(int(answer))].add(column)
    return sorted((code for code, columns in columns_of.items() if len(columns) > 2), key=float)
