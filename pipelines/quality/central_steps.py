"""Why the central statistical checks moved: what each is made of, replaced in steps as `in_steps` does.

A score, form or person is as it was before the step of the part that `explain` gave it, and as it is from it on; each
check is reckoned anew after each step that replaced something, by the formulas of `pipelines.quality.central`, with the
sites and the primary outcome of today's study file. Told is what the page shows: of comparisons that are or were listed
their values, statistic, chance and how many there are to look at; of each check how many comparisons are in each state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.quality.central import Found, Unit, compare, judged, status_of
from pipelines.quality.explain import PARTS
from pipelines.quality.in_steps import Size, Steps, as_shown

if TYPE_CHECKING:
    import duckdb

    from pipelines.study.study import Study

Key = tuple[str, str]  # number, site
STATES = ("LISTED", "NOT_LISTED", "TOO_FEW")
# Each unit as it was before its step, and as it is from it on.
_VERSIONS = """
    WITH version AS (
        SELECT b.*, 0 AS from_step, coalesce(list_position($parts, r.part), len($parts) + 1) AS to_step
        FROM {before} AS b
        LEFT JOIN reasoned AS r
            ON r.thing = 'central|' || b.kind || '|' || b.measure AND r.site_id = b.site_id AND r.unit = b.unit
        UNION ALL BY NAME
        SELECT a.*, list_position($parts, r.part) AS from_step, len($parts) + 1 AS to_step
        FROM {after} AS a
        JOIN reasoned AS r
            ON r.thing = 'central|' || a.kind || '|' || a.measure AND r.site_id = a.site_id AND r.unit = a.unit
    )
    SELECT kind, measure, site_id, usubjid, value, code, x, from_step, to_step
    FROM version
    ORDER BY kind, position, measure, site_id, usubjid, unit, from_step
"""


@dataclass(frozen=True)
class Version:
    """A unit from one step on until another."""

    unit: Unit
    from_step: int
    to_step: int


def central_in_steps(con: duckdb.DuckDBPyConnection, before: str, after: str, study: Study) -> list[Steps]:
    """Before any step and after each; `before` and `after` are what SQL reads the units of each report from, and what
    `explain` left in `reasoned` says which changes at which step."""
    rows = con.execute(_VERSIONS.format(before=before, after=after), {"parts": list(PARTS)}).fetchall()
    return steps_of([Version(Unit(*row[:-2]), *row[-2:]) for row in rows], study)


def steps_of(versions: Sequence[Version], study: Study) -> list[Steps]:
    """Every number of every state, where the first or the last state has it to tell."""
    moved_at = {step for version in versions for step in (version.from_step, version.to_step)}
    states = [compare(_at(0, versions), study)]
    for step in range(1, len(PARTS) + 1):
        states.append(compare(_at(step, versions), study) if step in moved_at else states[-1])
    found = [[judged(one) for one in state] for state in states]
    told = {_place(one) for state in (found[0], found[-1]) for one in state if one.listed}
    sizes = [dict(_sizes(state, told)) for state in found]
    return [Steps(*key, [size.get(key) for size in sizes]) for key in sorted({key for size in sizes for key in size})]


def _at(step: int, versions: Sequence[Version]) -> list[Unit]:
    return [version.unit for version in versions if version.from_step <= step < version.to_step]


def _place(found: Found) -> tuple[str, str, str]:
    return found.check_id, found.measure, found.site_id


def _sizes(state: Sequence[Found], told: set[tuple[str, str, str]]) -> Iterator[tuple[Key, Size]]:
    """Of what is told: values here, of those of all sites; hundredths of the statistic, thousandths of the chance; how
    many there are to look at. Of each check how many comparisons are in each state."""
    for one in state:
        if _place(one) not in told:
            continue
        number = f"central|{one.check_id}|{one.measure}|"
        yield (f"{number}values", one.site_id), (one.n_site + one.n_rest, one.n_site)
        yield (f"{number}listed", one.site_id), (one.n_listed, one.n_listed)
        if one.statistic is not None:
            yield (f"{number}statistic", one.site_id), as_shown(one.statistic, 2)
        if one.p is not None:
            yield (f"{number}chance", one.site_id), as_shown(one.p, 3)
    tally = Counter((one.check_id, status_of(one)) for one in state)
    for check in sorted({one.check_id for one in state}):
        for name in STATES:
            yield (f"comparisons|{check}|{name}", ""), (tally[check, name], tally[check, name])
