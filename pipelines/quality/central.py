"""Central statistical checks: does a site's data look unlike the others'? For discussion; never red.

Each check sees the site's numbers and those of all other sites together. They look at baseline alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import atanh, fsum, sqrt
from statistics import correlation, fmean, median, stdev
from typing import TYPE_CHECKING, Any

from pipelines.quality.exact import cut, higher_than_others
from pipelines.study.central_check import load_central_checks
from pipelines.study.study import Study

if TYPE_CHECKING:
    import duckdb

LISTED_BELOW = 0.001
ROBUST_FROM = 10  # people a score
Scores = dict[str, dict[str, dict[str, float]]]  # parameter → site → person → baseline score
_UNITS = """
    SELECT kind, measure, site_id, usubjid, value, code, x FROM {table}
    ORDER BY kind, position, measure, site_id, usubjid, unit
"""


@dataclass(frozen=True)
class Found:
    """What a check found for a measure at a site. `statistic` and `p` are None where there was too little."""

    check_id: str
    measure: str
    site_id: str
    n_site: int
    n_rest: int
    statistic: float | None = None
    p: float | None = None
    n_listed: int = 0
    listed: bool = False
    enough: bool = True


@dataclass(frozen=True)
class Unit:
    """A person or form, as quality.central_unit has it."""

    kind: str
    measure: str
    site_id: str
    usubjid: str
    value: float | None
    code: str | None
    x: int


def central_checks(con: duckdb.DuckDBPyConnection, study: Study) -> list[dict[str, Any]]:
    """Rows of `quality.central_check`."""
    units = [Unit(*row) for row in con.execute(_UNITS.format(table="quality.central_unit")).fetchall()]
    return [_row(found) for found in compare(units, study)]


def compare(units: Sequence[Unit], study: Study) -> list[Found]:
    """What each check finds in these units, which are in the order of the table's `position`, site and person."""
    sites = [site.site for site in study.sites]
    scores = _scores(units)
    return [
        *_by_values("C1", scores, sites, _last_digits),
        *_by_counts("C2", _counted(units, "straight"), sites),
        *_copied(_counted(_marked(units), "copied"), sites),
        *_unusual(scores, sites),
        *_by_values("C5", scores, sites, _spread),
        *_correlations(scores, sites, study.outcomes.primary.paramcd),
        *_by_counts("C7", _counted(units, "weekend"), sites),
        *(Found("C8", "", site, 0, 0, enough=False) for site in sites),
    ]


def judged(found: Found) -> Found:
    """The same, with nothing said where the site itself has too few."""
    enough = found.enough and found.n_site >= load_central_checks()[found.check_id].minimum
    return found if enough else replace(found, statistic=None, p=None, n_listed=0, listed=False, enough=False)


def _row(unjudged: Found) -> dict[str, Any]:
    check, found = load_central_checks()[unjudged.check_id], judged(unjudged)
    return {
        "check_id": found.check_id,
        "measure": found.measure,
        "site_id": found.site_id,
        "title": check.title,
        "definition": check.definition,
        "n_site": found.n_site,
        "n_rest": found.n_rest,
        "minimum": check.minimum,
        "statistic": found.statistic,
        "p": found.p,
        "n_listed": found.n_listed,
        "status": status_of(found),
    }


def status_of(found: Found) -> str:
    """The status of what was judged."""
    return "TOO_FEW" if not found.enough else "LISTED" if found.listed else "NOT_LISTED"


def _scores(units: Sequence[Unit]) -> Scores:
    scores: Scores = defaultdict(lambda: defaultdict(dict))
    for unit in units:
        if unit.kind == "score" and unit.value is not None:
            scores[unit.measure][unit.site_id][unit.usubjid] = unit.value
    return scores


def _counted(units: Sequence[Unit], kind: str) -> list[tuple[str, str, int, int]]:
    """(measure, site, n, x) of a kind."""
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for unit in units:
        if unit.kind == kind:
            n, x = counts.get((unit.measure, unit.site_id), (0, 0))
            counts[unit.measure, unit.site_id] = n + 1, x + unit.x
    return [(*place, n, x) for place, (n, x) in sorted(counts.items())]


def _marked(units: Sequence[Unit]) -> list[Unit]:
    """Forms that may repeat another person's, with those marked that do."""
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    forms = [unit for unit in units if unit.kind == "copied"]
    for form in forms:
        if form.code:
            people[form.measure, form.code].add(form.usubjid)
    return [replace(form, x=int(len(people.get((form.measure, form.code or ""), ())) > 1)) for form in forms]


def _sides(by_site: dict[str, dict[str, float]], site: str) -> tuple[list[float], list[float]]:
    mine = list(by_site.get(site, {}).values())
    return mine, [value for other, values in by_site.items() if other != site for value in values.values()]


Test = Callable[[Sequence[float], Sequence[float]], tuple[float, float, bool]]  # statistic, p, listed


def _by_values(check_id: str, scores: Scores, sites: Sequence[str], test: Test) -> Iterator[Found]:
    minimum = load_central_checks()[check_id].minimum
    for measure, by_site in scores.items():
        for site in sites:
            mine, rest = _sides(by_site, site)
            if min(len(mine), len(rest)) < minimum:
                yield Found(check_id, measure, site, len(mine), len(rest), enough=False)
            else:
                statistic, p, listed = test(mine, rest)
                yield Found(check_id, measure, site, len(mine), len(rest), statistic, p, int(listed), listed)


def _last_digits(mine: Sequence[float], rest: Sequence[float]) -> tuple[float, float, bool]:
    digits = [[sum(round(value) % 10 == digit for value in side) for digit in range(10)] for side in (mine, rest)]
    table = [column for column in zip(*digits, strict=True) if sum(column)]
    if len(table) < 2:
        return 0.0, 1.0, False
    statistic, p = _independence(table)
    return statistic, p, p < LISTED_BELOW


def _independence(table: Sequence[Sequence[int]]) -> tuple[float, float]:
    """Pearson's chi-squared of a table of counts, without correction, and its p."""
    from scipy.special import chdtrc

    rows, columns = [sum(row) for row in table], [sum(column) for column in zip(*table, strict=True)]
    expected = [[row * column / sum(rows) for column in columns] for row in rows]
    statistic = fsum(
        (n - e) ** 2 / e for ns, es in zip(table, expected, strict=True) for n, e in zip(ns, es, strict=True)
    )
    return cut(statistic), cut(float(chdtrc((len(rows) - 1) * (len(columns) - 1), statistic)))


def _spread(mine: Sequence[float], rest: Sequence[float]) -> tuple[float, float, bool]:
    spread = stdev(rest)
    if spread == 0 or len(set(mine)) == 1:
        return 0.0, 1.0, False
    ratio = cut(stdev(mine) / spread)
    p = _equal_spread(mine, rest)
    return ratio, p, not 0.5 <= ratio <= 2 and p < LISTED_BELOW


def _equal_spread(*sides: Sequence[float]) -> float:
    """The p of Levene's test about the medians (Brown & Forsythe 1974)."""
    from scipy.special import fdtrc

    away = [[abs(value - middle) for value in side] for side in sides for middle in [median(side)]]
    means = [fmean(distances) for distances in away]
    overall = fmean([distance for distances in away for distance in distances])
    between = fsum(len(side) * (mean - overall) ** 2 for side, mean in zip(sides, means, strict=True))
    within = fsum((d - mean) ** 2 for distances, mean in zip(away, means, strict=True) for d in distances)
    freedom = sum(len(side) for side in sides) - len(sides)
    if within == 0:
        return 1.0 if between == 0 else 0.0
    return cut(float(fdtrc(len(sides) - 1, freedom, freedom * between / ((len(sides) - 1) * within))))


def _by_counts(check_id: str, rows: Sequence[Sequence[Any]], sites: Sequence[str]) -> Iterator[Found]:
    """(measure, site, n, x): the share x of n at a site against the others, one-sided."""
    minimum = load_central_checks()[check_id].minimum
    counts = {(measure, site): (n, x) for measure, site, n, x in rows}
    for measure in sorted({row[0] for row in rows}) or [""]:
        total = [sum(counts.get((measure, site), (0, 0))[i] for site in sites) for i in (0, 1)]
        for site in sites:
            n, x = counts.get((measure, site), (0, 0))
            n_rest, x_rest = total[0] - n, total[1] - x
            if min(n, n_rest) < minimum:
                yield Found(check_id, measure, site, n, n_rest, enough=False)
            else:
                p = higher_than_others(x, n, x_rest, n_rest)
                yield Found(check_id, measure, site, n, n_rest, cut(x / n), p, x, p < LISTED_BELOW)


def _copied(rows: Sequence[Sequence[Any]], sites: Sequence[str]) -> Iterator[Found]:
    counts = {(measure, site): (n, x) for measure, site, n, x in rows}
    for measure in sorted({row[0] for row in rows}) or [""]:
        total = sum(counts.get((measure, site), (0, 0))[0] for site in sites)
        for site in sites:
            n, x = counts.get((measure, site), (0, 0))
            yield Found("C3", measure, site, n, total - n, float(x), None, x, x > 0)


def _unusual(scores: Scores, sites: Sequence[str]) -> Iterator[Found]:
    """People too far from their site's mean, or too near to it, in all baseline scores together."""
    measures = list(scores)
    minimum = load_central_checks()["C4"].minimum * max(len(measures), 1)
    for site in sites:
        people = set.intersection(*(set(scores[m].get(site, {})) for m in measures)) if measures else set()
        rows = [[scores[m][site][person] for m in measures] for person in sorted(people)]
        if len(rows) < minimum:
            yield Found("C4", "all", site, len(rows), 0, enough=False)
        else:
            n_listed = _tails(rows)
            yield Found("C4", "all", site, len(rows), 0, float(n_listed), None, n_listed, n_listed > 0)


def _tails(rows: Sequence[Sequence[float]]) -> int:
    """How many lie in either tail of chi-squared. From ten people a score on, centre and spread are robust, so that a
    few made-up people cannot hide by pulling both towards themselves."""
    import numpy as np
    from scipy.special import chdtr, chdtrc

    values = np.asarray(rows)
    n, d = values.shape
    if n >= ROBUST_FROM * d:
        centred, spread = _robust(values)
    else:
        centred, spread = values - values.mean(axis=0), np.cov(values, rowvar=False)
    inverse = np.linalg.pinv(np.atleast_2d(spread))  # of one score it is a number
    distances = np.maximum(np.einsum("ij,jk,ik->i", centred, inverse, centred), 0)
    return int(np.sum((chdtrc(d, distances) < LISTED_BELOW) | (chdtr(d, distances) < LISTED_BELOW)))


def _robust(values: Any) -> tuple[Any, Any]:
    """The values about their medians, and a covariance that a few odd people hardly move: normal-consistent median
    absolute deviations (1.4826) with Spearman's correlation as Pearson's, 2 sin(pi rho / 6) (Pearson 1907)."""
    import numpy as np

    centred = values - np.median(values, axis=0)
    scale = 1.4826 * np.median(np.abs(centred), axis=0)
    scale = np.where(scale > 0, scale, values.std(axis=0, ddof=1))  # half of them alike
    with np.errstate(invalid="ignore"):
        ranked = np.corrcoef(np.apply_along_axis(_ranks, 0, values), rowvar=False)
    correlation = 2 * np.sin(np.pi * np.nan_to_num(np.atleast_2d(ranked)) / 6)
    np.fill_diagonal(correlation, 1.0)
    return centred, correlation * np.outer(scale, scale)


def _ranks(values: Any) -> Any:
    """The ranks of values; equal ones share the mean of theirs."""
    import numpy as np

    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _correlations(scores: Scores, sites: Sequence[str], primary: str) -> Iterator[Found]:
    minimum = load_central_checks()["C6"].minimum
    for measure in scores if primary in scores else ():
        if measure == primary:
            continue
        pairs = {
            site: [(value, scores[measure][site][person]) for person, value in people.items()
                   if person in scores[measure].get(site, {})]
            for site, people in scores[primary].items()
        }  # fmt: skip
        for site in sites:
            mine = pairs.get(site, [])
            rest = [pair for other, found in pairs.items() if other != site for pair in found]
            name = f"{primary} and {measure}"
            if min(len(mine), len(rest)) < minimum:
                yield Found("C6", name, site, len(mine), len(rest), enough=False)
            else:
                difference, p = _fisher_z(mine, rest)
                yield Found("C6", name, site, len(mine), len(rest), difference, p, 0, p < LISTED_BELOW)


def _fisher_z(mine: Sequence[tuple[float, float]], rest: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Difference of the two z, and its two-sided p by the normal distribution; 0 and 1 where one side does not vary."""
    from scipy.special import ndtr

    zs = []
    for side in (mine, rest):
        xs, ys = zip(*side, strict=True)
        if len(set(xs)) == 1 or len(set(ys)) == 1:
            return 0.0, 1.0
        zs.append(atanh(max(-0.999999, min(0.999999, correlation(xs, ys)))))
    error = sqrt(1 / (len(mine) - 3) + 1 / (len(rest) - 3))
    return cut(zs[0] - zs[1]), cut(float(2 * ndtr(-abs(zs[0] - zs[1]) / error)))
