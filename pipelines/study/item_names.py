"""Which items a line of an instrument file means: a prefix with numbers, or names."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from pipelines.study.strict import Strict

Numbers = Annotated[str, BeforeValidator(str)]


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


class ItemNames(Strict):
    """`{prefix: fear_, numbers: 1-24}` or, for items without a number, `{named: [vas]}`."""

    prefix: str = ""
    numbers: Numbers = ""
    named: list[str] = Field(default_factory=list)

    @cached_property
    def items(self) -> list[str]:
        return self.named or self.numbered(self.numbers)

    def numbered(self, numbers: str) -> list[str]:
        return [f"{self.prefix}{n}" for n in numbers_of(numbers)] if numbers else []

    @property
    def as_written(self) -> str:
        return ", ".join(self.named) or f"{self.prefix}{self.numbers}"

    @model_validator(mode="after")
    def _some_items(self) -> ItemNames:
        if bool(self.numbers) == bool(self.named):
            raise ValueError("say which items: either `numbers`, for example 1-9, or `named`, a list of their names")
        return self
