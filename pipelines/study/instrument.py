"""A questionnaire as data: its items, what they may hold, and how they are scored.

Item numbers and our own short labels only: the wording of most instruments is copyrighted.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pipelines.study.yaml_file import YamlFile


class Strict(BaseModel):
    """A part of a file that people write: an unknown key is a spelling mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, coerce_numbers_to_str=True)


def numbers_of(text: str) -> list[int]:
    """`"1-3,7"` → [1, 2, 3, 7]. Raises ValueError for anything else."""
    numbers: list[int] = []
    for part in str(text).split(","):
        match = re.fullmatch(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*", part)
        if not match:
            raise ValueError(f"`{text}` does not list item numbers; expected for example 1-3,7")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"`{part.strip()}` runs backwards")
        numbers += range(first, last + 1)
    return numbers


Numbers = Annotated[str, BeforeValidator(str)]


class Items(Strict):
    """A run of items that share an allowed range: `{prefix: fear_, numbers: 1-24, range: [0, 3]}`."""

    prefix: str = ""
    numbers: Numbers
    range: tuple[int, int]
    reversed: Numbers = ""
    not_applicable: Numbers = ""  # items that may be answered NA

    def names(self, numbers: str | None = None) -> list[str]:
        chosen = self.numbers if numbers is None else numbers
        return [f"{self.prefix}{n}" for n in numbers_of(chosen)] if chosen else []


class Part(Strict):
    """Items that are summed and prorated together; a score is the sum of its parts."""

    prefix: str = ""
    numbers: Numbers
    missing_allowed: int = Field(ge=0)

    @cached_property
    def items(self) -> list[str]:
        return [f"{self.prefix}{n}" for n in numbers_of(self.numbers)]


class Score(Strict):
    """One analysis parameter (PARAMCD) of an instrument."""

    paramcd: str = Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")
    param: str
    parts: list[Part] = Field(min_length=1)
    range: tuple[int, int]
    direction: Literal["higher_is_worse", "higher_is_better"] = "higher_is_worse"


class Instrument(Strict):
    """An instrument file, `schemas/instruments/<instrument>.yaml`."""

    instrument: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    version: str
    items: list[Items] = Field(min_length=1)
    scores: list[Score] = Field(min_length=1)
    source: list[str] = Field(min_length=1)
    licence: str
    verified: bool
    notes: str = ""

    @cached_property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """Every item with the smallest and largest answer allowed."""
        return {name: group.range for group in self.items for name in group.names()}

    @cached_property
    def reversed_items(self) -> set[str]:
        return {name for group in self.items for name in group.names(group.reversed)}

    @cached_property
    def may_be_not_applicable(self) -> set[str]:
        return {name for group in self.items for name in group.names(group.not_applicable)}

    @model_validator(mode="after")
    def _items_are_listed_once(self) -> Instrument:
        names = [name for group in self.items for name in group.names()]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"items listed twice: {', '.join(twice)}")
        for group in self.items:
            stray = set(group.names(group.reversed)) | set(group.names(group.not_applicable))
            if not stray <= set(group.names()):
                raise ValueError(f"`reversed` or `not_applicable` name items outside {group.prefix}{group.numbers}")
        return self


def complaints(file: YamlFile, instrument: Instrument) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong with the scores, each with its place: unknown or repeated items, a stated range
    that does not follow from the items, proration with half the items or more missing."""
    found: list[tuple[tuple[str | int, ...], str]] = []
    for i, score in enumerate(instrument.scores):
        place = ("scores", i)
        names = [name for part in score.parts for name in part.items]
        unknown = sorted(set(names) - set(instrument.ranges))
        twice = sorted({name for name in names if names.count(name) > 1})
        if unknown:
            found.append((place, f"{score.paramcd} uses items that do not exist: {', '.join(unknown)}"))
            continue
        if twice:
            found.append((place, f"{score.paramcd} counts items twice: {', '.join(twice)}"))
        lowest = sum(instrument.ranges[name][0] for name in names)
        highest = sum(instrument.ranges[name][1] for name in names)
        if (lowest, highest) != tuple(score.range):
            found.append(
                (
                    (*place, "range"),
                    f"{score.paramcd} states {list(score.range)}; its items give [{lowest}, {highest}]",
                )
            )
        found += [
            (
                (*place, "parts", j),
                f"{score.paramcd} would be prorated with more than half of its items missing",
            )
            for j, part in enumerate(score.parts)
            if part.missing_allowed * 2 > len(part.items)
        ]
    return found
