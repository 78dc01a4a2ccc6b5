"""Epochs of a study file: what becomes of people who wait first and are treated later.

Everybody's first epoch begins on the reference date. Whoever goes on to a later one has a second start, a second
baseline, and visits counted from there.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from pipelines.study.strict import Strict


class EpochStart(Strict):
    """How an epoch's first day is known: so many `weeks` after the reference date, the day of the last form sent
    for a visit (`last_form_of`), or the date of the person's `second_allocation`."""

    weeks: int | None = Field(default=None, ge=1)
    last_form_of: str | None = None
    second_allocation: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> EpochStart:
        if sum(way is not None for way in (self.weeks, self.last_form_of, self.second_allocation)) != 1:
            raise ValueError("say one of `weeks`, `last_form_of` (a visit) and `second_allocation: true`")
        return self

    @property
    def kind(self) -> Literal["weeks", "last_form_of", "second_allocation"]:
        if self.weeks is not None:
            return "weeks"
        return "last_form_of" if self.last_form_of is not None else "second_allocation"


class Epoch(Strict):
    """The first epoch has a name only. Of a later one: whom it concerns (`arms`, by the first allocation), when it
    starts, in which `arm` they then are (a second allocation names it itself, out of those of `ratio`), and from
    which of its study days on a form may be its baseline."""

    epoch: str = Field(min_length=1, max_length=40)
    starts: EpochStart | None = None
    arms: list[str] | None = None  # default: every arm
    arm: str | None = None
    ratio: dict[str, int] = Field(default_factory=dict)  # arm → its share of a second allocation
    baseline_from: int = Field(default=-28, lt=0)
