"""What opens a data query: the rules in `schemas/queries/`, as typed models, and what a study changes about them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pipelines.study.source import FeedName
from pipelines.study.strict import Strict
from pipelines.study.yaml_file import InvalidFileError, Problem, read_yaml

QUERIES = Path(__file__).parents[2] / "schemas" / "queries"


class QueryRule(Strict):
    """A rule about single records; which of them it applies to, and which break it, SQL says.

    `feed`, `column`: what the site would have to correct. `applies`: the records that the rule is about, in words;
    no other record can pass it. `days`: a limit of time, where the rule has one, with its `reason`.
    `together_from`: from so many refused rows of a delivery on, one query stands for all.
    `blinding`: `revealing` queries are not in the blinded file. `tells_arm`: that there is such a query tells who is
    in which arm, so that the sites' lists leave it out too.
    """

    rule: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    feed: FeedName
    column: str | None = None
    applies: str
    severity: Literal["critical", "warning"]
    blinding: Literal["safe", "revealing"]
    tells_arm: bool = False
    days: int | None = Field(default=None, ge=0)
    reason: str | None = None
    together_from: int | None = Field(default=None, ge=2)
    message: str


class QueryChoice(Strict):
    """What a study file says about a rule: another limit of days or severity, or that it is not used; and why."""

    used: bool = True
    days: int | None = Field(default=None, ge=0)
    severity: Literal["critical", "warning"] | None = None
    reason: str


class QueryFile(Strict):
    """A file of `schemas/queries/`."""

    rules: list[QueryRule] = Field(min_length=1)


@cache
def load_query_rules(folder: Path = QUERIES) -> dict[str, QueryRule]:
    """Every rule of `folder` by name, in the order of its files; read once a process. Raises InvalidFileError."""
    rules: dict[str, QueryRule] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        file = read_yaml(path)
        for i, rule in enumerate(file.into(QueryFile).rules):
            if rule.rule in rules:
                problems.append(file.problem(("rules", i, "rule"), f"there are two rules called `{rule.rule}`"))
            rules[rule.rule] = rule
    if problems:
        raise InvalidFileError(problems)
    return rules
