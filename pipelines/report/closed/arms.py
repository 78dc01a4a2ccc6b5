"""What the sections of the closed report share: the groups of people, and tables with one column a group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.report.board.parts import Cell, Table
from pipelines.report.board.source import Row, Source

_GROUPS = """
    SELECT a.code, a.label, a.programme_access, count(p.usubjid) AS n
    FROM closed.arm AS a
    LEFT JOIN closed.person AS p ON p.code = a.code
    GROUP BY a.code, a.label, a.programme_access, a.position
    ORDER BY a.position
"""


@dataclass(frozen=True)
class Group:
    """An arm by its letter, with the number of its people; `programme_access` is None where nobody knows the arm."""

    code: str
    label: str
    programme_access: bool | None
    n: int


def groups_of(source: Source) -> list[Group]:
    """Every arm of the study file, also one without people; everybody as one group where there is no allocation."""
    return [Group(**row) for row in source.rows(_GROUPS)]


def everybody(groups: Sequence[Group]) -> int:
    return sum(group.n for group in groups)


def by_code(rows: Sequence[Row], *names: str) -> dict[tuple[str, ...], Row]:
    """The rows of a query by the columns `names` and the arm's letter."""
    return {(*(str(row[name]) for name in names), str(row["code"])): row for row in rows}


def side_by_side(what: str, groups: Sequence[Group], lines: Mapping[str, Sequence[Cell]]) -> Table:
    """One row a line, one column a group."""
    head = [what, *(f"{group.label} (N = {group.n})" for group in groups)]
    return Table(head, [[name, *cells] for name, cells in lines.items()], numeric=frozenset(range(1, len(head))))
