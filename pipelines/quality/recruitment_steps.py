"""Why months, rates, the plan to date and the forecast moved: recruitment as it stood, replaced in steps.

The number of people moves by the parts that their units say (`pipelines.quality.explain`). A first day moves with new
people where there was none, else by corrections, or by a change of rules where the study file changed; targets and the
plan by a change of rules; today last. The formulas are those of quality.recruitment and quality.recruitment_forecast.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from pipelines.quality.explain import PARTS, Part
from pipelines.quality.forecast import AHEAD, DAYS_A_MONTH, RECENT_DAYS, forecast
from pipelines.quality.in_steps import Size, Steps, as_shown

if TYPE_CHECKING:
    import duckdb

ALL_SITES = ""
_SITES = """
    SELECT site.site_id, r.opened_on, min(u.first_on), count(u.unit), count(recent.unit), site.target
    FROM study.site AS site
    LEFT JOIN quality.recruitment AS r ON r.site_id = site.site_id
    LEFT JOIN quality.counted_unit AS u ON u.site_id = site.site_id AND u.number = 'randomised'
    LEFT JOIN quality.counted_unit AS recent
        ON recent.site_id = u.site_id AND recent.unit = u.unit AND recent.number = 'randomised_8_weeks'
    GROUP BY site.site_id, r.opened_on, site.target
    ORDER BY site.site_id
"""
_PLAN = """
    SELECT s.as_of, s.recruitment_closed_on, p.months
    FROM study.setting AS s LEFT JOIN study.recruitment_plan AS p ON TRUE
"""


@dataclass(frozen=True)
class AtSite:
    """Since when a site recruits and has recruited, and how many; `n_recent` of them in the last 56 days."""

    opened_on: date | None = None
    first_on: date | None = None
    n: int = 0
    n_recent: int = 0
    target: int | None = None

    def months(self, since: date | None, to: date) -> float:
        return max((to - since).days, 0) / DAYS_A_MONTH if since else 0.0


@dataclass(frozen=True)
class Recruitment:
    """Recruitment as a night knew it; `months` are the planned ones."""

    as_of: date
    closed_on: date | None = None
    months: float | None = None
    sites: Mapping[str, AtSite] = field(default_factory=dict)

    @property
    def counted_to(self) -> date:
        return min(self.as_of, self.closed_on or self.as_of)


def recruitment_now(con: duckdb.DuckDBPyConnection) -> Recruitment:
    """As the build knows it."""
    ((as_of, closed_on, months),) = con.execute(_PLAN).fetchall()
    sites = {site: AtSite(*known) for site, *known in con.execute(_SITES).fetchall()}
    return Recruitment(as_of, closed_on, months, sites)


def recruitment_from(kept: Mapping[str, Any]) -> Recruitment:
    """As a week keeps it, with its days as text."""
    sites = {site: AtSite(**_days(known, "opened_on", "first_on")) for site, known in kept["sites"].items()}
    return Recruitment(**_days(kept, "as_of", "closed_on") | {"sites": sites})


def recruitment_in_steps(
    before: Recruitment, after: Recruitment, moved: Iterable[Part], rules_changed: bool
) -> list[Steps]:
    """Months, rates, plan and forecast before any step and after each."""
    states = list(_states(before, after, list(moved), rules_changed))
    sizes = [dict(_sizes(state)) for state in states]
    return [Steps(*key, [size.get(key) for size in sizes]) for key in sorted({key for size in sizes for key in size})]


def _days(kept: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**kept} | {name: date.fromisoformat(kept[name]) if kept[name] else None for name in names}


def _states(before: Recruitment, after: Recruitment, moved: list[Part], rules_changed: bool) -> Iterator[Recruitment]:
    """Recruitment before any step and after each."""
    state = replace(before, sites={site: AtSite() for site in after.sites} | dict(before.sites))
    yield state
    for part in PARTS[:-1]:
        if part == "rule_change":
            state = replace(state, closed_on=after.closed_on, months=after.months)
        sites = {
            site: _stepped(known, after.sites.get(site, AtSite()), part, _grown(moved, site, part), rules_changed)
            for site, known in state.sites.items()
        }
        state = replace(state, sites=sites)
        yield state
    yield after


def _grown(moved: list[Part], site: str, part: str) -> dict[str, int]:
    """By how much the people, and those of the last 56 days, moved at a site for a reason."""
    of_part = [one for one in moved if one.site_id == site and one.part == part]
    return {
        name: sum(one.numerator for one in of_part if one.number == number)
        for name, number in (("n", "randomised"), ("n_recent", "randomised_8_weeks"))
    }


def _stepped(known: AtSite, after: AtSite, part: str, grown: Mapping[str, int], rules_changed: bool) -> AtSite:
    found = replace(known, n=known.n + grown["n"], n_recent=known.n_recent + grown["n_recent"])
    if part == "rule_change":
        found = replace(found, target=after.target)
    moves = "rule_change" if rules_changed else "corrections"
    if part in ("new_participants", moves):
        first = part == "new_participants"
        opened_on = known.opened_on if first and known.opened_on else after.opened_on
        first_on = known.first_on if first and known.first_on else after.first_on
        found = replace(found, opened_on=opened_on, first_on=first_on)
    return found


def _sizes(state: Recruitment) -> Iterator[tuple[tuple[str, str], Size]]:
    """What the report says of it: hundredths of months and rates, people of the plan to date, the forecast."""
    to, sites = state.counted_to, state.sites
    opened = {site: known.months(known.opened_on, to) for site, known in sites.items()}
    recruiting = {site: known.months(known.first_on, to) for site, known in sites.items()}
    planned = {
        site: known.target * min(opened[site] / state.months, 1)
        for site, known in sites.items()
        if state.months and known.target is not None and known.opened_on
    }
    people = {site: known.n for site, known in sites.items()}
    for site in (*sites, ALL_SITES):
        n = sum(people.values()) if site == ALL_SITES else people[site]
        months, since_first, plan = (
            sum(of.values()) if site == ALL_SITES else of.get(site, 0.0) for of in (opened, recruiting, planned)
        )
        yield ("months_open", site), _hundredths(months)
        if months:
            yield ("rate_open", site), _hundredths(n / months)
        if since_first:
            yield ("rate_randomising", site), _hundredths(n / since_first)
        if plan:
            yield ("plan", site), (round(plan), n)
    yield from _forecasts(state)


def _forecasts(state: Recruitment) -> Iterator[tuple[tuple[str, str], Size]]:
    targets = [known.target for known in state.sites.values()]
    since = min((known.opened_on for known in state.sites.values() if known.opened_on), default=None)
    closed = state.closed_on is not None and state.closed_on <= state.as_of
    days = (state.counted_to - since).days if since else 0
    if state.months is None or None in targets or days <= 0 or closed:
        return
    rate = sum(target or 0 for target in targets) / state.months
    for basis, n, t in (
        ("all", sum(known.n for known in state.sites.values()), days),
        ("last_8_weeks", sum(known.n_recent for known in state.sites.values()), min(days, RECENT_DAYS)),
    ):
        for name, value in forecast(rate, n, t / DAYS_A_MONTH, AHEAD).quantiles.items():
            yield (f"forecast|{basis}|{name}", ALL_SITES), (value, value)


def _hundredths(value: float) -> Size:
    return as_shown(round(value, 6), 2)
