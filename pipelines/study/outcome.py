"""Outcome definitions of a study file: what counts as a case, a change, a response, a remission, a sudden gain.

Each has a name, a version and a source. Several may stand side by side for one parameter: the flags of
`analysis.adqs` follow the first that holds for the site's country, `analysis.adresp` shows all.
"""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Literal

from pydantic import Field

from pipelines.study.reliable_change import ReliableChange
from pipelines.study.strict import Strict

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Country = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Rule = Literal["reliable_change", "caseness", "response", "remission"]
RULES: tuple[Rule, ...] = ("reliable_change", "caseness", "response", "remission")


class Primary(Strict):
    paramcd: str
    avisit: str


class Definition(Strict):
    """A rule with a name and a version. `verified`: somebody has opened the source and read the rule there."""

    paramcd: str
    definition: Identifier | None = None  # default: the parameter and the rule
    version: str = "1"
    source: str
    verified: bool = True
    countries: list[Country] | None = Field(default=None, min_length=1)  # default: everywhere

    @property
    def points(self) -> float:
        """The threshold: points, or per cent of baseline (response)."""
        raise NotImplementedError

    def name(self, rule: Rule) -> str:
        return self.definition or f"{self.paramcd.lower()}_{rule}"

    def holds_in(self, country: str) -> bool:
        return self.countries is None or country in self.countries


class ParameterChange(ReliableChange, Definition):
    """The smallest reliable change of a parameter, in points."""


class Threshold(Definition):
    """A cut-off on a parameter, in points or (for response) in per cent of fall from baseline."""

    value: float

    @property
    def points(self) -> float:
        return self.value


class Measure(Strict):
    """A parameter of a recovery definition, with the named definitions of a case and of reliable change on it."""

    paramcd: str
    caseness: Identifier
    reliable_change: Identifier


class Recovery(Strict):
    """Recovery, reliable improvement, deterioration and recovery over several measures together.

    Of each list of `measures` the first counts that has a value both at the start and at the visit.
    """

    definition: Identifier
    version: str = "1"
    title: str
    measures: list[Annotated[list[Measure], Field(min_length=1)]] = Field(min_length=1)
    source: str
    verified: bool = True


class SuddenGain(Strict):
    """Sudden gains between weekly scores (Tang & DeRubeis 1999): a fall of a reliable change, of a `share` of the
    score before it, and large against what the scores around it vary by."""

    definition: Identifier
    version: str = "1"
    paramcd: str
    reliable_change: Identifier
    share: float = Field(default=0.25, gt=0, lt=1)
    source: str
    verified: bool = True


class Outcomes(Strict):
    primary: Primary
    reliable_change: list[ParameterChange] = Field(default_factory=list)
    caseness: list[Threshold] = Field(default_factory=list)
    response: list[Threshold] = Field(default_factory=list)
    remission: list[Threshold] = Field(default_factory=list)
    recovery: list[Recovery] = Field(default_factory=list)
    sudden_gains: list[SuddenGain] = Field(default_factory=list)

    def of_rule(self, rule: Rule) -> list[Definition]:
        named: dict[Rule, list[Definition]] = {
            "reliable_change": [*self.reliable_change],
            "caseness": [*self.caseness],
            "response": [*self.response],
            "remission": [*self.remission],
        }
        return named[rule]

    def named(self, rule: Rule, name: str) -> Definition:
        """The definition of that name, which the study file was checked to have."""
        return next(definition for definition in self.of_rule(rule) if definition.name(rule) == name)

    def in_force(self, rule: Rule, paramcd: str, country: str) -> Definition | None:
        """The definition that flags follow at a site: the first for its country, else the first for everywhere."""
        holding = [d for d in self.of_rule(rule) if d.paramcd == paramcd and d.holds_in(country)]
        return next(chain((d for d in holding if d.countries), holding), None)
