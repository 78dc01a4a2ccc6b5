"""Numbers that are no sums: after the last step they are what an own reckoning finds, and their parts add up."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, timedelta
from itertools import pairwise
from math import ceil
from typing import Any

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.quality.explain import PARTS, Between, Part, explain
from pipelines.quality.in_steps import Steps, parts_of, ranked_in_steps, totals_of
from pipelines.quality.recruitment_steps import AtSite, Recruitment, recruitment_from, recruitment_in_steps
from pipelines.warehouse.database import insert_rows
from tests.quality.test_explain import AFTER, BEFORE, BUILT, UNITS, Unit, unit
from tests.sql.trial import MEMORY

EPOCH = date(1970, 1, 1)
WEEK = timedelta(7)


def in_steps(
    con: duckdb.DuckDBPyConnection, before: list[Unit], after: list[Unit], earlier: date = BEFORE, later: date = AFTER
) -> list[Steps]:
    for name, units in (("before", before), ("after", after)):
        con.execute(f"DELETE FROM {name}_units")
        insert_rows(con, f"{name}_units", [[u[c] for c in UNITS.columns] for u in units], file=MEMORY)
    between = Between(earlier, later, BUILT, rules_changed=False, dictionary_changed=False)
    explain(con, "before_units", "after_units", between)
    return ranked_in_steps(con, "before_units", "after_units", between)


def parts(steps: list[Steps], number: str) -> dict[str, int]:
    return {part.part: part.numerator for part in parts_of(steps) if part.number == number}


def newest(day: date, name: str = "u1", **given: Any) -> Unit:
    return unit("K06", name, value=(day - EPOCH).days, first_on=day, **given)


def test_an_age_grows_with_the_calendar_and_shrinks_with_what_came(con: duckdb.DuckDBPyConnection) -> None:
    known = newest(BEFORE - timedelta(5))
    assert parts(in_steps(con, [known], [known]), "age|questionnaires") == {"cut_off_change": 7}
    steps = in_steps(con, [known], [known, newest(AFTER - timedelta(2), "u2")])
    assert parts(steps, "age|questionnaires") == {"new_visits": -10, "cut_off_change": 7}
    late = newest(BEFORE - timedelta(2), "u2", came_at=BUILT + timedelta(1))
    assert parts(in_steps(con, [known], [known, late]), "age|questionnaires") == {
        "late_entries": -3,
        "cut_off_change": 7,
    }


def test_what_two_reasons_do_together_falls_to_the_later(con: duckdb.DuckDBPyConnection) -> None:
    known = [unit("K03", f"u{i}", value=1) for i in range(3)]
    new = [unit("K03", f"v{i}", value=9, first_on=BEFORE + timedelta(1)) for i in range(2)]
    late = [unit("K03", f"w{i}", value=9, came_at=BUILT + timedelta(1)) for i in range(2)]
    steps = in_steps(con, known, known + new + late)
    assert parts(steps, "lag_median") == {"late_entries": 8}
    assert parts(steps, "lag_p90") == {"new_visits": 8}


def test_a_form_that_waits_counts_as_waiting_until_the_day(con: duckdb.DuckDBPyConnection) -> None:
    owed = unit("K04", "u1|WEEK 8|phq9", x=1, first_on=BEFORE - timedelta(10))
    came = unit("K04", "u2|WEEK 8|phq9", value=3, n_evidence=9)
    assert parts(in_steps(con, [owed, came], [owed, came]), "received_median") == {}
    received = owed | {"x": 0, "value": 12, "n_evidence": 9}
    both = in_steps(con, [owed, came], [received, came])
    shares = {(n, s): (was[0], now[0]) for n, s, was, now in totals_of(both)}
    assert shares[("share_by|28", "oxford")] == (50, 100) == shares[("share_by|28", "")]
    assert parts(both, "share_by|28") == {"late_entries": 50}


units = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.sampled_from(["K03", "K06", "screened"]), "value": st.integers(20600, 20650),
            "unit": st.sampled_from([f"u{i}" for i in range(6)]), "usubjid": st.sampled_from(["p1", "p2", "p3"]),
            "first_on": st.integers(-9, 6).map(lambda n: BEFORE + timedelta(n)), "n_evidence": st.integers(0, 2),
        }
    ),
    max_size=10, unique_by=lambda found: (found["number"], found["unit"]),
)  # fmt: skip


def reckoned(found: list[Unit], day: date) -> dict[str, int]:
    """The slow way, from the list of values."""
    values = {
        number: sorted(u["value"] for u in found if u["number"] == number) for number in ("K03", "K06", "screened")
    }
    made = {}
    if days := values["K03"]:
        made |= {name: days[ceil(q * len(days)) - 1] for name, q in (("lag_median", 0.5), ("lag_p90", 0.9))}
    for name, number in (("age|questionnaires", "K06"), ("age|participants", "screened")):
        made |= {name: (day - EPOCH).days - values[number][-1]} if values[number] else {}
    return made


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(nights=st.lists(units, min_size=2, max_size=4))
def test_parts_add_up_night_after_night(con: duckdb.DuckDBPyConnection, nights: list[list[Unit]]) -> None:
    known = [[unit(**given) for given in night] for night in nights]
    for i, (first, second) in enumerate(pairwise(known)):
        days = BEFORE + i * WEEK, BEFORE + (i + 1) * WEEK
        steps = in_steps(con, first, second, *days)
        was, now = reckoned(first, days[0]), reckoned(second, days[1])
        told = {number: (before[0], after[0]) for number, _, before, after in totals_of(steps)}
        assert told == {number: (was[number], now[number]) for number in was.keys() & now.keys()}
        for number, (before, after) in told.items():
            assert sum(parts(steps, number).values()) == after - before


OPENED = date(2026, 1, 1)


def recruitment(as_of: date, n: int, target: int = 40, opened_on: date = OPENED) -> Recruitment:
    return Recruitment(as_of, None, 10.0, {"oxford": AtSite(opened_on, opened_on, n, n, target)})


def test_a_forecast_moves_with_people_and_with_the_calendar() -> None:
    later = AFTER + 20 * WEEK
    moved = [
        Part("randomised", "oxford", "new_participants", 6, 6),
        Part("randomised", "oxford", "corrections", -1, -1),
    ]
    steps = recruitment_in_steps(recruitment(AFTER, 18), recruitment(later, 23), moved, rules_changed=False)
    parts = {(part.number, part.site_id, part.part): part.numerator for part in parts_of(steps)}
    assert parts["forecast|all|q50", "", "new_participants"] > 0 > parts["forecast|all|q50", "", "corrections"]
    assert parts["forecast|all|q50", "", "cut_off_change"] < 0
    assert parts["months_open", "oxford", "cut_off_change"] == 460
    assert {part for number, _, part in parts if number == "months_open"} == {"cut_off_change"}
    assert [parts["plan", "oxford", part] for part in ("new_participants", "corrections")] == [6, -1]


def test_a_new_target_is_a_change_of_rules() -> None:
    steps = recruitment_in_steps(recruitment(AFTER, 18), recruitment(AFTER, 18, target=80), [], rules_changed=True)
    assert {part.part for part in parts_of(steps)} == {"rule_change"}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rules=st.booleans())
def test_parts_of_recruitment_add_up_whatever_changed(data: st.DataObject, rules: bool) -> None:
    days = st.integers(0, 300).map(lambda n: OPENED + timedelta(n))
    was, now = (
        recruitment(
            data.draw(days) + WEEK, data.draw(st.integers(0, 60)), data.draw(st.integers(1, 90)), data.draw(days)
        )
        for _ in range(2)
    )
    part = data.draw(st.sampled_from(PARTS))
    grown = now.sites["oxford"].n - was.sites["oxford"].n
    steps = recruitment_in_steps(was, now, [Part("randomised", "oxford", part, grown, grown)], rules)
    assert recruitment_from({**asdict(now), "as_of": now.as_of.isoformat(), "sites": {
        site: asdict(known) | {"opened_on": known.opened_on and known.opened_on.isoformat(),
                               "first_on": known.first_on and known.first_on.isoformat()}
        for site, known in now.sites.items()
    }}) == now  # fmt: skip
    for number, site, before, after in totals_of(steps):
        moved = [p for p in parts_of(steps) if (p.number, p.site_id) == (number, site)]
        assert sum(p.numerator for p in moved) == after[1] - before[1]
        assert sum(p.denominator for p in moved) == after[0] - before[0]
