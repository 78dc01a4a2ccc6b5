"""What is judged each night about every site: the files in `schemas/checks/`, as typed models."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.study.indicator import load_indicators
from pipelines.study.outcome import Identifier
from pipelines.study.source import FeedName
from pipelines.study.strict import Strict
from pipelines.study.study import Limit, Study
from pipelines.study.yaml_file import InvalidFileError, Problem, read_yaml

CHECKS = Path(__file__).parents[2] / "schemas" / "checks"
Dimension = Literal["completeness", "conformance", "plausibility", "timeliness", "consistency"]


class Check(Strict):
    """One question put to every site: which share of the records it looks at fails.

    `feeds`: without a drop of each of them that is due, there is no data to judge.
    `limit`: the key of the study file's `quality:` that sets tolerance and minimum; default: the name.
    `blinding`: `revealing` where counts by site would tell who is in which arm.
    """

    name: Identifier
    dimension: Dimension
    feeds: list[FeedName] = Field(default_factory=list)
    severity: Literal["critical", "warning"]
    message: str
    tolerance: float = Field(ge=0, le=1)
    minimum: int = Field(default=1, ge=0)
    reason: str
    blinding: Literal["safe", "revealing"]
    limit: Identifier | None = None

    @property
    def limit_name(self) -> str:
        return self.limit or self.name

    @property
    def has_indicator(self) -> bool:
        """Whether a site indicator counts the same records against the same limit."""
        return any(i.limit == self.limit_name and i.kind == "proportion" for i in load_indicators())

    def limit_in(self, study: Study) -> Limit:
        """What the study file tolerates, or else this check's own default."""
        default = Limit(tolerance=self.tolerance, minimum=self.minimum, reason=self.reason)
        return study.quality.get(self.limit_name, default)


class CheckFile(Strict):
    """A file of `schemas/checks/`."""

    checks: list[Check] = Field(min_length=1)


@cache
def load_checks(folder: Path = CHECKS) -> tuple[Check, ...]:
    """Every check of `folder`, in the order of its files; read once a process. Raises InvalidFileError."""
    checks: dict[str, Check] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        file = read_yaml(path)
        for i, check in enumerate(file.into(CheckFile).checks):
            if check.name in checks:
                problems.append(file.problem(("checks", i, "name"), f"there are two checks called `{check.name}`"))
            checks[check.name] = check
    if problems:
        raise InvalidFileError(problems)
    return tuple(checks.values())


def limit_names() -> tuple[str, ...]:
    """What may stand under `quality:` in a study file: the limits of checks and of indicators."""
    checks = {check.limit_name for check in load_checks()}
    return tuple(sorted(checks | {indicator.limit for indicator in load_indicators()}))
