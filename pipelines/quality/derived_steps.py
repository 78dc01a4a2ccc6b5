"""Why what follows from split counts moved: reckoned again from the counts as each part left them, by its own formula.

A site's counts before any step are those of the last pack; each part of `explain` in turn is added to them, and the
tolerance changes with the rules, what cannot be judged with the calendar. Told of an indicator that is or was flagged
at a site: the chance of as many at the tolerance, the interval, the chance against the other sites, and from how many
on it is flagged; of a site that lies or lay far out in the funnel: its score; of each indicator: the chance to notice a
site twice as bad, at the sites where it is smallest and largest; of all together: how many flags luck alone would show.
All checks of a kind together move by the sum of what each moves by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from math import fsum
from typing import Any

from pipelines.quality.explain import PARTS, Part
from pipelines.quality.history import FLAGS, Value
from pipelines.quality.in_steps import Size, Steps, as_shown
from pipelines.quality.indicators import FAR, Count, judge_indicators
from pipelines.study.check import load_checks
from pipelines.study.grid import load_grid
from pipelines.study.indicator import load_indicators
from pipelines.study.study import Limit, Study

Kris = dict[tuple[str, str], Value]  # by indicator and site
Known = dict[Any, list[dict[str, Any]]]  # by counts and limits of one indicator: its rows
Key = tuple[str, str]  # number, site
Total = tuple[Any, ...]  # number, site, denominator and numerator then, and now
# What the report says of an indicator: its number here, the column of quality.kri, in which unit, with which decimals.
SHOWN = (
    ("chance", "p_upper", 1, 3),
    ("interval_low", "wilson_low", 100, 1),
    ("interval_high", "wilson_high", 100, 1),
    ("others", "p_vs_others", 1, 3),
    ("watch_from", "watch_from", 1, 0),
    ("action_from", "action_from", 1, 0),
)
TO_NOTICE = (("WATCH", "power_watch"), ("ACTION", "power_action"))
SCORE_DECIMALS = 2
FIXED = ("BROKEN", "NO_DATA", "NOT_APPLICABLE")


def indicators_in_steps(
    before: Iterable[Value], after: Iterable[Value], moved: Iterable[Part], study: Study
) -> list[Steps]:
    """Before any step and after each, from what the two weeks keep of the indicators and the parts of their counts."""
    was, now = (
        {(value.name, value.site_id): value for value in values if value.kind == "kri"} for values in (before, after)
    )
    told = {place for values in (was, now) for place, value in values.items() if value.status in FLAGS}
    parts: dict[str, list[Part]] = defaultdict(list)
    for part in moved:
        parts[part.part].append(part)
    known: Known = {}
    sizes, state = [dict(_sizes(was, study, told, known))], was
    for step in PARTS:
        changed = _stepped(state, now, step, parts[step])
        sizes.append(dict(_sizes(changed, study, told, known)) if changed != state else sizes[-1])
        state = changed
    every = [Steps(*key, [size.get(key) for size in sizes]) for key in sorted({key for size in sizes for key in size})]
    return [one for one in every if not one.number.startswith("score|") or _far_out(one)]


def _far_out(score: Steps) -> bool:
    ends = (score.sizes[0], score.sizes[-1])
    return any(end is not None and abs(end[1]) > FAR * 10**SCORE_DECIMALS for end in ends)


def _stepped(state: Kris, now: Kris, step: str, parts: Sequence[Part]) -> Kris:
    """The indicators after a step; after the last one they are today's."""
    if step == PARTS[-1]:
        return now
    found = dict(state)
    for part in parts:
        value = found.get((part.number, part.site_id))
        if value is not None:
            grown = replace(
                value,
                numerator=value.numerator + part.numerator,
                denominator=value.denominator + part.denominator,
            )
            found[part.number, part.site_id] = grown
    if step == "rule_change":
        for place, value in found.items():
            if place in now:
                limit = now[place]
                found[place] = replace(value, tolerance=limit.tolerance, minimum=limit.minimum, reason=limit.reason)
    return found


def _sizes(state: Kris, study: Study, told: set[tuple[str, str]], known: Known) -> Iterator[tuple[Key, Size]]:
    rows = list(_rows(state, study, known))
    for row in rows:
        if (row["kri"], row["site_id"]) in told:
            for number, column, factor, decimals in SHOWN:
                if row[column] is not None:
                    yield (f"{number}|{row['kri']}", row["site_id"]), as_shown(factor * row[column], decimals)
        if row["score"] is not None:
            yield (f"score|{row['kri']}", row["site_id"]), as_shown(row["score"], SCORE_DECIMALS)
    yield from _chance_to_notice(rows)
    for status, column in (("WATCH", "chance_watch"), ("ACTION", "chance_action")):
        expected = [row[column] for row in rows if row[column] is not None]
        if expected:
            yield (f"luck|{status}", ""), as_shown(fsum(expected), 2)


def _chance_to_notice(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[Key, Size]]:
    """Per cent; of no site in particular."""
    chances: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for status, column in TO_NOTICE:
            if row["site_id"] and row[column] is not None:
                chances[f"{row['kri']}|{status}"].append(100 * row[column])
    for of, found in chances.items():
        yield (f"notice_least|{of}", ""), as_shown(min(found), 1)
        yield (f"notice_most|{of}", ""), as_shown(max(found), 1)


def _rows(state: Kris, study: Study, known: Known) -> Iterator[dict[str, Any]]:
    """Each indicator judged, or as it was judged where nothing of it has changed."""
    of_kri: dict[str, list[Value]] = defaultdict(list)
    for (kri, _), value in sorted(state.items()):
        of_kri[kri].append(value)
    for values in of_kri.values():
        counts = tuple(_count(value) for value in values)
        key = counts, values[0].tolerance, values[0].minimum
        if key not in known:
            known[key] = judge_indicators(counts, _by_its_limits(values, study))
        yield from known[key]


def _count(value: Value) -> Count:
    """What is judged; a step between may leave more bad events than there are to count."""
    n = max(value.denominator, 0)
    fixed: Any = value.status if value.status in FIXED else None
    return Count(value.name, value.site_id, n, min(max(value.numerator, 0), n), fixed=fixed)


def _by_its_limits(values: Iterable[Value], study: Study) -> Study:
    """The study with the tolerances of this state."""
    names = {indicator.kri: indicator.limit for indicator in load_indicators()}
    limits = {
        names[value.name]: Limit(tolerance=value.tolerance, minimum=value.minimum, reason=value.reason)
        for value in values
        if value.name in names
    }
    return study.model_copy(update={"quality": {**study.quality, **limits}})


def kinds_of_checks(totals: Iterable[Total], moved: Iterable[Part]) -> tuple[list[Total], list[Part]]:
    """All checks of a kind together, `grid|<column>` by site: then and now, and by how much each part moved them."""
    sums: dict[Key, list[int]] = {}
    for number, site, *sizes in totals:
        if column := _column_of(number):
            before = sums.setdefault((f"grid|{column}", site), [0] * len(sizes))
            sums[f"grid|{column}", site] = [a + b for a, b in zip(before, sizes, strict=True)]
    parts: dict[tuple[str, str, str], list[int]] = {}
    for part in moved:
        if column := _column_of(part.number):
            key = f"grid|{column}", part.site_id, part.part
            n, x = parts.get(key, [0, 0])
            parts[key] = [n + part.denominator, x + part.numerator]
    return [(*key, *sizes) for key, sizes in sums.items()], [Part(*key, *sizes) for key, sizes in parts.items()]


@cache
def _column_of(number: str) -> str | None:
    """In which column of the grid the check of a number stands."""
    dimensions = {check.name: check.dimension for check in load_checks()}
    twins = {indicator.kri: indicator.limit for indicator in load_indicators()}
    name = number.removeprefix("check|") if number.startswith("check|") else twins.get(number)
    if name is None or not (number.startswith("check|") or name in dimensions):
        return None
    return load_grid().column_of(name, dimensions.get(name, "conformance"))
