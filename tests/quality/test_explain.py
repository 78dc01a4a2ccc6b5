"""Why a number moved: the parts are exact, and each change has the reason that it has."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.quality.explain import PARTS, Between, explain
from pipelines.warehouse.database import insert_rows
from pipelines.warehouse.dictionary import TABLES, load_table
from tests.sql.trial import MEMORY

UNITS = load_table(TABLES / "quality" / "counted_unit.yaml")
BEFORE, AFTER = date(2026, 6, 7), date(2026, 6, 14)
BUILT = datetime(2026, 6, 7, 3, tzinfo=UTC)
SINCE, EARLIER = BUILT + timedelta(days=2), BUILT - timedelta(days=30)
Unit = dict[str, Any]


def unit(number: str = "K04", unit: str = "u1", **given: Any) -> Unit:
    known = {"number": number, "site_id": "oxford", "unit": unit, "usubjid": "p1", "n": 1, "x": 0, "n_critical": 0,
             "first_on": BEFORE - timedelta(20), "turns_on": None, "came_at": EARLIER, "changed_at": None,
             "n_evidence": 0, "value": None, "n_items": 0, "n_unscored": 0}  # fmt: skip
    return known | given


def parts(
    con: duckdb.DuckDBPyConnection, before: list[Unit], after: list[Unit], **given: Any
) -> dict[tuple[str, str], tuple[int, int]]:
    """(number, part) → (denominator, numerator)."""
    for name, units in (("before", before), ("after", after)):
        con.execute(f"DELETE FROM {name}_units")
        insert_rows(con, f"{name}_units", [[u[c] for c in UNITS.columns] for u in units], file=MEMORY)
    facts = {"earlier": BEFORE, "later": AFTER, "built_at": BUILT, "rules_changed": False, "dictionary_changed": False}
    found = explain(con, "before_units", "after_units", Between(**(facts | given)))
    summed: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for part in found:
        n, x = summed[part.number, part.part]
        summed[part.number, part.part] = n + part.denominator, x + part.numerator
    return dict(summed)


KNOWN = unit("K10", "p1")
NEW = unit("K10", "p2", usubjid="p2")


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ([], [unit(usubjid="p2", x=1)], "new_participants"),
        ([], [unit(first_on=BEFORE + timedelta(3), x=1)], "new_visits"),
        ([], [unit(came_at=SINCE)], "late_entries"),
        ([unit(x=1)], [unit(n_evidence=9)], "late_entries"),
        ([unit("K06", n=9, x=3, n_evidence=6)], [unit("K06", n=9, x=1, n_evidence=8)], "late_entries"),
        ([unit("K05", x=1)], [unit("K05", changed_at=SINCE)], "corrections"),
        ([unit("K15")], [unit("K99", changed_at=SINCE)], "corrections"),
        ([unit("K12", x=1, n_evidence=1)], [unit("K12", n_evidence=0)], "query_resolutions"),
        ([unit("K12", turns_on=BEFORE + timedelta(1), n_evidence=1)], [unit("K12", x=1, n_evidence=1)],
         "cut_off_change"),
        ([unit("K03", turns_on=AFTER)], [], "cut_off_change"),
        ([], [unit(first_on=BEFORE - timedelta(9), n_evidence=9)], "late_entries"),
        ([unit("K04", n_evidence=9)], [unit("K04", n_evidence=9, value=3)], None),
        ([unit("K04", x=1)], [unit("K04", n_evidence=9, came_at=SINCE, changed_at=SINCE)], "late_entries"),
        ([unit("K04", x=1, n_evidence=9)], [unit("K04", n_evidence=9, came_at=EARLIER, changed_at=SINCE)],
         "corrections"),
        ([unit("check|form_before_consent", x=1)], [unit("check|form_before_consent", changed_at=SINCE)],
         "corrections"),
        ([unit("check|form_before_consent", x=1)], [unit("check|form_before_consent", n_evidence=1)],
         "query_resolutions"),
        ([unit("check|form_before_consent", n_evidence=1)], [unit("check|form_before_consent", x=1)],
         "query_resolutions"),
        ([], [unit("check|form_before_consent", came_at=SINCE)], "late_entries"),
        ([], [unit("check|form_before_consent", first_on=AFTER)], "new_visits"),
        ([], [unit("check|arm_missing", usubjid="p2")], "new_participants"),
        ([unit("check|consent_in_future", x=1, turns_on=AFTER)], [], "cut_off_change"),
        ([unit("check|overdue_deliveries", usubjid=None, turns_on=AFTER, n_evidence=2)],
         [unit("check|overdue_deliveries", usubjid=None, x=1, n_evidence=2)], "cut_off_change"),
        ([unit("check|overdue_deliveries", usubjid=None, turns_on=AFTER, n_evidence=2)],
         [unit("check|overdue_deliveries", usubjid=None, x=1, n_evidence=3)], "cut_off_change"),
        ([unit("check|overdue_deliveries", usubjid=None, x=1, n_evidence=2)],
         [unit("check|overdue_deliveries", usubjid=None, turns_on=AFTER, n_evidence=3)], "late_entries"),
        ([unit("check|quarantined_participants", usubjid=None, n=70, x=1)],
         [unit("check|quarantined_participants", usubjid=None, n=72, x=1, first_on=AFTER, came_at=SINCE)],
         "new_visits"),
        ([unit("check|refused_out_of_range", usubjid=None, n=70, x=1)],
         [unit("check|refused_out_of_range", usubjid=None, n=72, x=1, came_at=SINCE)], "late_entries"),
        ([unit("check|refused_deliveries", usubjid=None, x=1)], [unit("check|refused_deliveries", usubjid=None)],
         "corrections"),
        ([unit("check|drift_new", usubjid=None, x=1, turns_on=AFTER)], [unit("check|drift_new", usubjid=None)],
         "cut_off_change"),
    ],
)  # fmt: skip
def test_each_reason(con: duckdb.DuckDBPyConnection, before: list[Unit], after: list[Unit], reason: str) -> None:
    found = parts(con, [KNOWN, *before], [KNOWN, *after])
    number = (before or after)[0]["number"]
    assert {part for (name, part), _ in found.items() if name == number} == ({reason} if reason else set())


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({"number": "visit|WEEK 8|open", "turns_on": AFTER}, {"number": "visit|WEEK 8|overdue"}, "cut_off_change"),
        ({"number": "visit|WEEK 8|open", "turns_on": AFTER},
         {"number": "visit|WEEK 8|received", "n_evidence": 2, "first_on": BEFORE + timedelta(2)}, "new_visits"),
        ({"number": "visit|WEEK 8|overdue"}, {"number": "visit|WEEK 8|received", "n_evidence": 2}, "late_entries"),
        ({"number": "visit|WEEK 8|received", "n_evidence": 2}, {"number": "visit|WEEK 8|overdue", "changed_at": SINCE},
         "corrections"),
        ({"number": "queries|8_14", "n_evidence": 1, "turns_on": AFTER}, {"number": "queries|15_30", "n_evidence": 1},
         "cut_off_change"),
        ({"number": "queries|8_14", "n_evidence": 1}, {"number": "queries|closed"}, "query_resolutions"),
        ({"number": "nights|usage|absent", "usubjid": None},
         {"number": "nights|usage|accepted", "usubjid": None, "n_evidence": 1}, "late_entries"),
        ({"number": "pattern|phq9"}, {"number": "pattern|", "n_evidence": 9}, "late_entries"),
    ],
)  # fmt: skip
def test_what_leaves_one_state_enters_another_for_the_same_reason(
    con: duckdb.DuckDBPyConnection, before: Unit, after: Unit, reason: str
) -> None:
    left, entered = (unit(**{"n": 1, "x": 1} | given) for given in (before, after))
    assert parts(con, [left], [entered]) == {
        (left["number"], reason): (-1, -1), (entered["number"], reason): (1, 1)
    }  # fmt: skip


def test_a_late_form_beside_a_correction_of_the_same_instrument_is_late(con: duckdb.DuckDBPyConnection) -> None:
    known = unit("K06", "p1|phq9|WEEK 8|2026-05-01", n=9, x=2, n_evidence=7)
    mended = known | {"x": 1, "n_evidence": 8, "changed_at": SINCE}
    late = unit("K06", "p1|phq9|WEEK 4|2026-04-01", n=9, n_evidence=9, came_at=SINCE, changed_at=SINCE)
    assert parts(con, [known], [mended, late]) == {("K06", "corrections"): (0, -1), ("K06", "late_entries"): (9, 0)}


def test_a_form_whose_date_is_corrected_leaves_and_comes_as_a_correction(con: duckdb.DuckDBPyConnection) -> None:
    """It is another form of the same person and instrument; one of another instrument that came beside it is late."""
    wrong = unit("K06", "p1|phq9|WEEK 8|2026-05-01", n=9, n_evidence=9)
    right = unit("K06", "p1|phq9|WEEK 8|2026-05-02", n=9, n_evidence=9, came_at=SINCE, changed_at=SINCE)
    late = unit("K06", "p1|gad7|WEEK 8|2026-05-02", n=7, n_evidence=7, came_at=SINCE)
    owed = unit("K04", "p1|WEEK 4|phq9", x=1)
    moved = unit("K04", "p1|WEEK 4|phq9", n_evidence=9, came_at=SINCE, changed_at=SINCE)
    assert parts(con, [wrong, owed], [right, late, moved]) == {
        ("K04", "corrections"): (0, -1), ("K06", "late_entries"): (7, 0)
    }  # fmt: skip
    assert con.execute("SELECT part FROM reasoned WHERE unit = ?", [right["unit"]]).fetchall() == [("corrections",)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], [unit("nights|usage|accepted", usubjid=None, first_on=AFTER, n_evidence=1)]),
        ([unit("nights|usage|accepted", usubjid=None, turns_on=AFTER, n_evidence=1)], []),
    ],
)
def test_a_night_comes_and_goes_with_the_calendar(
    con: duckdb.DuckDBPyConnection, before: list[Unit], after: list[Unit]
) -> None:
    assert {part for _, part in parts(con, before, after, rules_changed=True)} == {"cut_off_change"}


@pytest.mark.parametrize(
    ("number", "given", "reason"),
    [
        ("K03", {"rules_changed": True}, "rule_change"),
        ("K03", {"dictionary_changed": True}, "dictionary_change"),
        ("K06", {"rules_changed": True, "dictionary_changed": True}, "dictionary_change"),
        ("K03", {"rules_changed": True, "dictionary_changed": True}, "rule_change"),
        ("K03", {}, "cut_off_change"),
        ("K03", {"later": BEFORE}, "corrections"),
    ],
)
def test_what_no_data_explain(con: duckdb.DuckDBPyConnection, number: str, given: dict[str, Any], reason: str) -> None:
    assert parts(con, [KNOWN, unit(number, x=1)], [KNOWN, unit(number)], **given) == {(number, reason): (0, -1)}


def test_nothing_moved(con: duckdb.DuckDBPyConnection) -> None:
    assert parts(con, [KNOWN, unit()], [KNOWN, unit(changed_at=SINCE, n_evidence=3)]) == {}


def test_a_new_person_is_new_in_every_number(con: duckdb.DuckDBPyConnection) -> None:
    after = [KNOWN, NEW, unit("K04", "u2", usubjid="p2", x=1, first_on=BEFORE - timedelta(1), changed_at=SINCE)]
    assert parts(con, [KNOWN], after) == {("K10", "new_participants"): (1, 0), ("K04", "new_participants"): (1, 1)}


days = st.integers(-40, 12).map(lambda n: BEFORE + timedelta(n))
moments = st.none() | st.integers(-40, 12).map(lambda n: BUILT + timedelta(n))
some_units = st.dictionaries(
    st.tuples(
        st.sampled_from(
            ["K03", "K04", "K06", "K10", "K12", "randomised", "check|overdue_deliveries", "check|drift_new",
             "check|two_forms_for_visit"]
        ), st.sampled_from(["oxford", "miyazaki"]),
        st.sampled_from(["u1", "u2", "u3"]),
    ),
    st.fixed_dictionaries(
        {
            "usubjid": st.none() | st.sampled_from(["p1", "p2", "p3"]), "n": st.integers(0, 50),
            "x": st.integers(0, 20), "first_on": st.none() | days, "turns_on": st.none() | days, "came_at": moments,
            "changed_at": moments, "n_evidence": st.integers(0, 3),
        }
    ),
    max_size=14,
)  # fmt: skip


STATES = ("visit|WEEK 8|open", "visit|WEEK 8|received", "visit|WEEK 8|overdue")
some_states = st.dictionaries(
    st.sampled_from(["u1", "u2", "u3"]), st.tuples(st.sampled_from(STATES), st.integers(0, 2)), max_size=3
)


def as_states(found: dict[str, tuple[str, int]]) -> list[Unit]:
    """Everybody in one state."""
    return [unit(state, name, x=1, n_evidence=n) for name, (state, n) in found.items()]


def as_units(found: dict[tuple[str, str, str], dict[str, Any]]) -> list[Unit]:
    return [unit(number, name, **{"site_id": site, **given}) for (number, site, name), given in found.items()]


def totals(units: list[Unit]) -> dict[str, tuple[int, int]]:
    summed: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in units:
        n, x = summed[one["number"]]
        summed[one["number"]] = n + one["n"], x + one["x"]
    return summed


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    nights=st.lists(st.tuples(some_units, some_states), min_size=2, max_size=4),
    rules=st.booleans(),
    dictionary=st.booleans(),
    days=st.integers(0, 14),
)
def test_the_parts_add_up_to_the_difference_night_after_night(
    con: duckdb.DuckDBPyConnection,
    nights: list[tuple[dict[tuple[str, str, str], dict[str, Any]], dict[str, tuple[str, int]]]],
    rules: bool,
    dictionary: bool,
    days: int,
) -> None:
    known = [as_units(units) + as_states(states) for units, states in nights]
    given = {"rules_changed": rules, "dictionary_changed": dictionary, "later": BEFORE + timedelta(days)}
    for first, second in pairwise(known):
        found = parts(con, first, second, **given)
        assert {part for _, part in found} <= set(PARTS)
        was, now = totals(first), totals(second)
        for number in was.keys() | now.keys():
            moved = [sizes for (name, _), sizes in found.items() if name == number]
            assert tuple(sum(side) for side in zip((0, 0), *moved, strict=True)) == (
                now[number][0] - was[number][0],
                now[number][1] - was[number][1],
            )
