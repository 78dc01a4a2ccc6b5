"""A questionnaire as data: its items, what they may hold, and how they are scored.

Item numbers and our own short labels only: the wording of most instruments is copyrighted.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipelines.study.item_names import ItemNames, Numbers, numbers_of
from pipelines.study.reliable_change import ReliableChange
from pipelines.study.strict import Strict

ParameterCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{0,7}$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
CountAs = Literal["mean", "lowest"]


class Items(ItemNames):
    """Items that share what they may hold: whole numbers of a `range`, `{numbers: 1-9, range: [0, 3]}`, or only
    some numbers, `{numbers: 1-9, values: [0, 1, 3]}`. A reversed item counts smallest + largest - answer; an item
    that need not apply may be answered NA."""

    range: tuple[int, int] | None = None
    values: list[int] = Field(default_factory=list)
    reversed: Numbers = ""
    not_applicable: Numbers = ""

    @property
    def ends(self) -> tuple[int, int]:
        return self.range or (min(self.values), max(self.values))

    @model_validator(mode="after")
    def _may_hold_something(self) -> Items:
        if (self.range is None) == (not self.values):
            raise ValueError(
                f"items {self.as_written}: `range` is required, [smallest, largest], or a list of `values`, not both"
            )
        if self.range and self.range[0] >= self.range[1]:
            raise ValueError(f"items {self.as_written}: range {list(self.range)} runs backwards; the smallest first")
        if self.reversed and self.range is None:
            raise ValueError(f"items {self.as_written}: reversed items need a `range` to be turned around in")
        return self


class Part(ItemNames):
    """Items that are summed together; a score is made of its parts.

    With no more than `missing_allowed` items missing each counts as the mean of the answered ones, or as its lowest
    answer; so does an item answered NA.
    """

    missing_allowed: int = Field(ge=0)
    missing_count_as: CountAs = "mean"
    not_applicable_count_as: CountAs = "mean"


class Bands(Strict):
    """Levels of severity, each from its number up to the next: `levels: {0: minimal, 5: mild}`."""

    levels: dict[float, str] = Field(min_length=2)
    source: str
    verified: bool

    @property
    def spans(self) -> list[tuple[str, float, float | None]]:
        """Label, smallest value, and the value at which the next begins."""
        begins = sorted(self.levels)
        return [(self.levels[begin], begin, end) for begin, end in zip(begins, [*begins[1:], None], strict=True)]


class Cutoff(Strict):
    """A published threshold, reached at `value` and on its `side`: where things are worse (caseness) or better
    (remission). `countries`: where it holds (default: wherever no other cut-off of that name does)."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    value: float
    side: Literal["worse", "better"] = "worse"
    countries: list[Country] = Field(default_factory=list)
    source: str
    verified: bool


class PublishedChange(ReliableChange):
    verified: bool


class Score(Strict):
    """One analysis parameter (PARAMCD) of an instrument.

    `method`: `sum` of its parts; `mean`, that sum by the number of items; `profile`, the answers side by side as
    text (21111), no number; `value_set`, the value that a table of the study gives a profile.
    `rounding`: of the finished score, to `decimals`; halves go up, to the even digit, or everything up or down.
    `verified`: whether somebody read this rule in its source; default: what the file says.
    """

    paramcd: ParameterCode
    param: str = Field(max_length=40)
    direction: Literal["higher_is_worse", "higher_is_better"]
    method: Literal["sum", "mean", "profile", "value_set"] = "sum"
    rounding: Literal["none", "half_up", "half_even", "up", "down"] = "none"
    decimals: int = Field(default=0, ge=0, le=6)
    range: tuple[float, float] | None = None
    parts: list[Part] = Field(min_length=1)
    bands: Bands | None = None
    cutoffs: list[Cutoff] = Field(default_factory=list)
    reliable_change: list[PublishedChange] = Field(default_factory=list)
    verified: bool | None = None

    @cached_property
    def items(self) -> list[str]:
        return [item for part in self.parts for item in part.items]

    @property
    def is_profile(self) -> bool:
        return self.method in ("profile", "value_set")


class MissingRule(Strict):
    """Where the rule for missing items was read, or whose choice it is."""

    source: str
    verified: bool


class Qrs(Strict):
    """CDISC Questionnaires, Ratings and Scales: QSCAT, and QSTESTCD by item and by parameter.

    `items: {"{n}": "GAD02{nn}"}` stands for every numbered item, `{nn}` for the number in two digits.
    """

    category: str
    items: dict[str, str]
    scores: dict[ParameterCode, str] = Field(default_factory=dict)
    source: str
    verified: bool


class RiskItem(Strict):
    """An item whose answer may tell of danger: from `flag` points on a clinician is told, from `urgent` on at once."""

    item: str = Field(coerce_numbers_to_str=True)
    flag: int
    urgent: int
    source: str


class Instrument(Strict):
    """An instrument file, `schemas/instruments/<instrument>.yaml`.

    `version` names the rule; a rival rule of the same instrument is `<instrument>@<version>.yaml`. `language` is
    `any` where all language versions are scored alike. `verified`: somebody read the items and the scoring in the
    paper, a guideline or the owner's own pages, not only in another program; what nobody did read is listed under
    `unsure`. A file without items says what is known of an instrument that cannot be scored yet.
    """

    instrument: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str
    version: str
    language: str = "any"
    items: list[Items]
    labels: dict[str, str] = Field(default_factory=dict)
    scores: list[Score]
    risk_items: list[RiskItem] = Field(default_factory=list)
    missing_rule: MissingRule | None = None
    cdisc: Qrs | None = None
    source: list[str] = Field(min_length=1)
    licence: str
    verified: bool
    unsure: list[str] = Field(default_factory=list)
    notes: str = ""

    @cached_property
    def ranges(self) -> dict[str, tuple[int, int]]:
        """Every item with the smallest and largest answer allowed."""
        return {name: group.ends for group in self.items for name in group.items}

    @cached_property
    def totals(self) -> dict[str, tuple[int, int]]:
        """Sums that a site may send beside the items, each as an item called by its PARAMCD, with its ends. They are
        compared with our own score and never analysed."""
        return {
            score.paramcd: (int(score.range[0]), int(score.range[1]))
            for score in self.scores
            if score.method == "sum" and score.range
        }

    @cached_property
    def listed_values(self) -> dict[str, list[int]]:
        """The items that may hold only some numbers, with these."""
        return {name: sorted(group.values) for group in self.items if group.values for name in group.items}

    @cached_property
    def reversed_items(self) -> set[str]:
        return {name for group in self.items for name in group.numbered(group.reversed)}

    @cached_property
    def may_be_not_applicable(self) -> set[str]:
        return {name for group in self.items for name in group.numbered(group.not_applicable)}

    @cached_property
    def test_codes(self) -> dict[str, str]:
        """CDISC's QSTESTCD by item."""
        codes = dict(self.cdisc.items) if self.cdisc else {}
        for group in self.items:
            pattern = codes.pop(f"{group.prefix}{{n}}", "")
            for number in numbers_of(group.numbers) if pattern and group.numbers else []:
                code = pattern.replace("{nn}", f"{number:02}").replace("{n}", str(number))
                codes.setdefault(f"{group.prefix}{number}", code)
        return codes

    def is_verified(self, score: Score) -> bool:
        return self.verified if score.verified is None else score.verified

    @model_validator(mode="after")
    def _items_are_listed_once(self) -> Instrument:
        names = [name for group in self.items for name in group.items]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"items listed twice: {', '.join(twice)}")
        for group in self.items:
            stray = set(group.numbered(group.reversed)) | set(group.numbered(group.not_applicable))
            if not stray <= set(group.items):
                raise ValueError(f"`reversed` or `not_applicable` name items outside {group.as_written}")
        return self
