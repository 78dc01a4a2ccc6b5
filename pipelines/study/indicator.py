"""What is watched about every site: the site indicators (KRIs) in `schemas/indicators/`, as typed models."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.study.outcome import Identifier
from pipelines.study.source import FeedName
from pipelines.study.strict import Strict
from pipelines.study.study import Limit, Study
from pipelines.study.yaml_file import InvalidFileError, Problem, read_yaml

INDICATORS = Path(__file__).parents[2] / "schemas" / "indicators"


class Indicator(Strict):
    """Bad events among what is counted, against a tolerance fixed beforehand; SQL counts both.

    `kind`: `proportion` (binomial tail), `rate` (bad events over an exposure: Poisson tail), or `identity`, where
    nothing is left to chance: WATCH from `watch_from` bad events on; ACTION from `action_from` on, above the
    tolerated share, or where any of them is critical.
    `feeds`: without a drop of each of them that is due, there is no data to judge.
    `limit`: the key of the study file's `quality:` that sets tolerance and minimum, which checks may share.
    `days`: a limit of time, where what counts as bad depends on one.
    `todo`: who must do what where it is flagged.
    `needs`: without it in the study there is nothing to count: an allocation, or a visit of the primary outcome that
    all arms have.
    """

    kri: str = Field(pattern=r"^K[0-9]{2}$")
    title: str
    bad_event: str
    counted: str
    why: str
    todo: str
    source: str
    kind: Literal["proportion", "rate", "identity"]
    feeds: list[FeedName]
    limit: Identifier
    days: int | None = Field(default=None, ge=0)
    needs: Literal["allocation", "shared_primary_visit"] | None = None
    watch_from: int | None = Field(default=None, ge=1)
    action_from: int | None = Field(default=None, ge=1)
    tolerance: float = Field(ge=0, le=1)
    minimum: int = Field(default=1, ge=1)
    reason: str

    def limit_in(self, study: Study) -> Limit:
        """What the study file tolerates, or else this indicator's own default."""
        return study.quality.get(self.limit, Limit(tolerance=self.tolerance, minimum=self.minimum, reason=self.reason))

    def concerns(self, study: Study) -> bool:
        """Whether the study has what is counted."""
        if self.needs == "allocation":
            return study.has_allocation
        if self.needs == "shared_primary_visit":
            arms = {arm.arm for arm in study.arms}
            return any(
                visit.avisit == study.outcomes.primary.avisit and arms <= set(visit.arms or arms)
                for visit in study.first_visits
            )
        return True


class IndicatorFile(Strict):
    """A file of `schemas/indicators/`."""

    indicators: list[Indicator] = Field(min_length=1)


@cache
def load_indicators(folder: Path = INDICATORS) -> tuple[Indicator, ...]:
    """Every indicator of `folder`, by its number; read once a process. Raises InvalidFileError."""
    indicators: dict[str, Indicator] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        file = read_yaml(path)
        for i, indicator in enumerate(file.into(IndicatorFile).indicators):
            if indicator.kri in indicators:
                problems.append(
                    file.problem(("indicators", i, "kri"), f"there are two indicators called `{indicator.kri}`")
                )
            indicators[indicator.kri] = indicator
    if problems:
        raise InvalidFileError(problems)
    return tuple(indicators[kri] for kri in sorted(indicators))
