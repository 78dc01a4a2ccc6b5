"""What a section is made of. Everything in it is plain data; the templates turn it into HTML, and escape it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from pipelines.report.board.scale import Scale

Anchor = str
WEEKS = 12


@dataclass(frozen=True)
class Flag:
    """A status in a cell, with the numbers under it and, where it leads somewhere, an anchor of the same page."""

    status: str
    text: str = ""
    to: Anchor = ""


@dataclass(frozen=True)
class Link:
    text: str
    to: Anchor


@dataclass(frozen=True)
class Spark:
    """A 12-week line in a cell; None is a week without a value, drawn as a gap."""

    values: Sequence[float | None]
    words: str
    limit: float | None = None

    @property
    def x(self) -> Scale:
        return Scale(0, max(len(self.values) - 1, WEEKS - 1), 3, 69)

    @property
    def y(self) -> Scale:
        known = [value for value in (*self.values, self.limit) if value is not None]
        return Scale(0, max(known, default=0) or 1, 13, 3)

    @cached_property
    def runs(self) -> list[list[tuple[int, float]]]:
        """The stretches without a gap, as (week, value); the newest week lies at the right."""
        runs: list[list[tuple[int, float]]] = [[]]
        first = WEEKS - len(self.values) if len(self.values) < WEEKS else 0
        for week, value in enumerate(self.values, start=first):
            if value is None:
                runs.append([])
            else:
                runs[-1].append((week, value))
        return [run for run in runs if run]

    @property
    def last(self) -> tuple[int, float] | None:
        return self.runs[-1][-1] if self.runs else None


@dataclass(frozen=True)
class Bar:
    """A share as a bar with its own text, and a quieter line under it."""

    share: float | None
    text: str
    note: str = ""


Cell = str | int | float | date | None | Flag | Link | Spark | Bar


@dataclass(frozen=True)
class Needle:
    """How much of what there is a figure shows; `one`: what a single one of `of_what` is called."""

    shown: int
    eligible: int
    of_what: str
    one: str = ""

    @property
    def words(self) -> str:
        return f"{self.shown} shown / {self.eligible} {self.one if self.one and self.eligible == 1 else self.of_what}"


@dataclass(frozen=True)
class Table:
    """`head` names the columns; the first column of each row names the row. `numeric`: columns set flush right."""

    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: frozenset[int] = frozenset()
    languages: Sequence[str] = ()  # of each row's name, where it is not English
    grid: bool = False  # cells of statuses, each with its counts under it


@dataclass(frozen=True)
class Figure:
    """A finding with its evidence.

    `title` states the finding. `drawing` names the template of an SVG and `data` is what it draws; a figure without
    one is its table. `reads`: the tables it comes from, first the one that defines its numbers. `alternative`: what
    somebody who cannot see the drawing needs. `keys`: the statuses that its key explains. `appendix`:
    its table is long, and stands in appendix B; `brief` is what of it is shown in place.
    """

    id: str
    title: str
    needle: Needle
    reads: Sequence[str]
    table: Table
    alternative: str = ""
    drawing: str = ""
    data: Any = None
    notes: Sequence[str] = ()
    keys: Sequence[str] = ()
    appendix: bool = False
    brief: Table | None = None

    @property
    def anchor(self) -> Anchor:
        return self.id.lower().replace(".", "-")


@dataclass(frozen=True)
class CardSite:
    """One site on a card, with the handles of up to twenty of its failing records."""

    site: str
    language: str
    flag: Flag
    since: date | None
    weeks: Spark | None
    handles: Sequence[str]


@dataclass(frozen=True)
class Card:
    """A check that is flagged at some site: what a red cell leads to. `others`: the sites where it is not."""

    anchor: Anchor
    title: str
    why: str
    level: str
    limit: str
    sites: Sequence[CardSite]
    others: str

    @property
    def urgent(self) -> bool:
        """Whether it belongs in its section; what is only to be watched stands in the appendix."""
        return any(site.flag.status != "WATCH" for site in self.sites)


@dataclass(frozen=True)
class Place:
    """A site in a finding, with its counts."""

    site: str
    language: str
    counts: str


@dataclass(frozen=True)
class Point:
    """A finding for the board: what, where and how many of how many, since when, for whom and by when, and what they
    are to do."""

    flag: Flag
    finding: str
    places: Sequence[Place]
    limit: str
    since: str
    owner: str
    due: str
    todo: str


@dataclass(frozen=True)
class Section:
    """`question` is its title, `answer` the sentences under it. `absent`: why there is nothing to show."""

    number: int
    question: str
    answer: Sequence[str]
    figures: Sequence[Figure] = ()
    points: Sequence[Point] = ()
    cards: Sequence[Card] = ()
    absent: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    closing: Sequence[str] = ()

    @property
    def anchor(self) -> Anchor:
        return f"s{self.number}"
