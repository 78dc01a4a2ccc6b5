"""What follows from split counts: after each part it is what an own reckoning of the counts finds, and parts add up."""

from __future__ import annotations

from datetime import date
from math import comb, sqrt
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.quality.derived_steps import indicators_in_steps, kinds_of_checks
from pipelines.quality.explain import PARTS, Part
from pipelines.quality.history import Value
from pipelines.quality.in_steps import Steps, parts_of, totals_of
from pipelines.study.load import SCHEMAS, load_protocol

STUDY = load_protocol(SCHEMAS / "studies" / "ict_sad.yaml").study
WEEK = date(2026, 6, 7)


def value(x: int, n: int, site: str = "oxford", kri: str = "K04", tolerance: float = 0.1, **given: Any) -> Value:
    return Value("kri", kri, site, x, n, tolerance, 10, "agreed", given.get("status", "WATCH"))


def tail(x: int, n: int, tolerated: float) -> float:
    return sum(comb(n, k) * tolerated**k * (1 - tolerated) ** (n - k) for k in range(x, n + 1))


def interval(x: int, n: int) -> tuple[float, float]:
    z, p = 1.959963984540054, x / n
    middle, reach = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


def against(x: int, n: int, others: tuple[int, int]) -> float:
    """Of x in n and y in m: the chance of as many here, given all that are bad."""
    bad, total = x + others[0], n + others[1]
    return sum(comb(bad, k) * comb(total - bad, n - k) for k in range(x, min(bad, n) + 1)) / comb(total, n)


def moved(steps: list[Steps], number: str, site: str = "oxford") -> dict[str, int]:
    return {part.part: part.numerator for part in parts_of(steps) if (part.number, part.site_id) == (number, site)}


def test_chance_interval_and_comparison_move_with_the_counts_in_the_order_of_the_parts() -> None:
    """6 of 20, then 1 of 2 new ones, then 3 that came late: 7 of 22, and 4 of 22."""
    other = value(3, 30, "miyazaki", status="OK")
    parts = [Part("K04", "oxford", "late_entries", 0, -3), Part("K04", "oxford", "new_visits", 2, 1)]
    steps = indicators_in_steps([value(6, 20), other], [value(4, 22), other], parts, STUDY)
    states = [(6, 20), (7, 22), (4, 22)]
    for number, found in (
        ("chance|K04", [round(1000 * tail(*state, 0.1)) for state in states]),
        ("interval_low|K04", [round(1000 * interval(*state)[0]) for state in states]),
        ("interval_high|K04", [round(1000 * interval(*state)[1]) for state in states]),
        ("others|K04", [round(1000 * against(*state, (3, 30))) for state in states]),
    ):
        assert moved(steps, number) == {
            part: now - was
            for part, was, now in zip(("new_visits", "late_entries"), found, found[1:], strict=False)
            if was != now
        }, number
    assert not [one for one in steps if one.site_id == "miyazaki"], "it neither is nor was flagged"


def test_another_tolerance_is_a_change_of_rules() -> None:
    steps = indicators_in_steps([value(6, 20)], [value(6, 20, tolerance=0.2)], [], STUDY)
    found = {name: moved(steps, name) for name in ("chance|K04", "interval_low|K04", "others|K04")}
    expected = round(1000 * tail(6, 20, 0.2)) - round(1000 * tail(6, 20, 0.1))
    assert found == {"chance|K04": {"rule_change": expected}, "interval_low|K04": {}, "others|K04": {}}


def test_what_luck_alone_would_show_grows_with_what_is_counted() -> None:
    """Of 20 at one in ten: WATCH from 6 on, ACTION from 8 on (binomial)."""
    steps = indicators_in_steps(
        [value(1, 20)], [value(1, 20), value(0, 20, "miyazaki")], [], STUDY
    )  # fmt: skip
    watch, action = tail(6, 20, 0.1) - tail(8, 20, 0.1), tail(8, 20, 0.1)
    assert moved(steps, "luck|WATCH", "") == {"cut_off_change": round(200 * watch) - round(100 * watch)}
    assert sum(moved(steps, "luck|ACTION", "").values()) == round(200 * action) - round(100 * action)


def test_from_how_many_on_it_is_flagged_moves_with_what_is_counted() -> None:
    """At one in ten (binomial): of 20 watched from 6 on, to be acted on from 8; of 40 from 9 on, and from 12."""
    assert tail(6, 20, 0.1) < 0.025 < tail(5, 20, 0.1) and tail(8, 20, 0.1) < 0.001 < tail(7, 20, 0.1)
    assert tail(9, 40, 0.1) < 0.025 < tail(8, 40, 0.1) and tail(12, 40, 0.1) < 0.001 < tail(11, 40, 0.1)
    came = [Part("K04", "oxford", "late_entries", 20, 6)]
    steps = indicators_in_steps([value(6, 20)], [value(12, 40)], came, STUDY)
    assert moved(steps, "watch_from|K04") == {"late_entries": 3}
    assert moved(steps, "action_from|K04") == {"late_entries": 4}


def test_the_chance_to_notice_moves_where_it_is_smallest_and_where_it_is_largest() -> None:
    """At two in ten, of 20 and of 40; the larger site's 40 become 20 when people leave it."""
    before, after = [value(1, 20), value(1, 40, "miyazaki")], [value(1, 20), value(1, 20, "miyazaki")]
    steps = indicators_in_steps(before, after, [Part("K04", "miyazaki", "corrections", -20, 0)], STUDY)
    small, large = tail(6, 20, 0.2), tail(9, 40, 0.2)
    assert moved(steps, "notice_most|K04|WATCH", "") == {"corrections": round(1000 * small) - round(1000 * large)}
    assert moved(steps, "notice_least|K04|WATCH", "") == {}


def test_a_score_is_told_of_the_sites_that_lie_far_out_then_or_now() -> None:
    """Nine sites have 10 of 100, one 40 that become 10: then all are alike, and every score is 0."""
    sites = [f"site_{n}" for n in range(10)]
    before = [value(40 if site == "site_0" else 10, 100, site, status="OK") for site in sites]
    after = [value(10, 100, site, status="OK") for site in sites]
    steps = indicators_in_steps(before, after, [Part("K04", "site_0", "corrections", 0, -30)], STUDY)
    # Of 1,000 there are 130: z is 0.27 / sqrt(0.13 * 0.87 / 100) for the one and -0.03 / the same for the others.
    z, others = 27 / sqrt(0.13 * 0.87 * 100), -3 / sqrt(0.13 * 0.87 * 100)
    score = z / sqrt((z**2 + 9 * others**2) / 10)
    assert 2 < score < sqrt(10), "ten sites' scores cannot pass the square root of ten"
    assert moved(steps, "score|K04", "site_0") == {"corrections": -round(100 * score)}
    assert {one.site_id for one in steps if one.number == "score|K04"} == {"site_0"}


def test_what_cannot_be_judged_says_nothing_of_chance() -> None:
    steps = indicators_in_steps([value(6, 20)], [value(6, 20, status="NO_DATA")], [], STUDY)
    assert moved(steps, "chance|K04") == {} and "chance|K04" not in {number for number, *_ in totals_of(steps)}


def test_checks_of_a_kind_move_by_the_sum_of_what_each_moves_by() -> None:
    """Items left out (K06) and a missing consent belong to one column, a wrong label to another."""
    totals = [("K06", "oxford", 90, 3, 99, 5), ("check|consent_missing", "oxford", 2, 1, 3, 0),
              ("check|unknown_visit_label", "oxford", 9, 0, 9, 1), ("K12", "oxford", 4, 4, 4, 4)]  # fmt: skip
    parts = [Part("K06", "oxford", "new_visits", 9, 2), Part("check|consent_missing", "oxford", "new_visits", 1, 0),
             Part("check|consent_missing", "oxford", "corrections", 0, -1),
             Part("check|unknown_visit_label", "oxford", "corrections", 0, 1)]  # fmt: skip
    found, sums = kinds_of_checks(totals, parts)
    assert ("grid|completeness", "oxford", 92, 4, 102, 5) in found and len(found) == 2
    of_cell = {part.part: (part.denominator, part.numerator) for part in sums if part.number == "grid|completeness"}
    assert of_cell == {"new_visits": (10, 2), "corrections": (0, -1)}


counts = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
nights = st.fixed_dictionaries(
    {(kri, site): counts for kri in ("K04", "K14", "K05") for site in ("oxford", "miyazaki")}
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(first=nights, second=nights, cut=st.integers(0, 8), tolerance=st.sampled_from([0.02, 0.1, 0.3]))
def test_parts_add_up_whatever_moved(first: Any, second: Any, cut: int, tolerance: float) -> None:
    before = [value(x, n, site, kri) for (kri, site), (x, n) in first.items()]
    after = [value(x, n, site, kri, tolerance) for (kri, site), (x, n) in second.items()]
    parts = [
        Part(kri, site, PARTS[(cut + i) % len(PARTS)], second[kri, site][1] - n, second[kri, site][0] - x)
        for i, ((kri, site), (x, n)) in enumerate(first.items())
    ]
    steps = indicators_in_steps(before, after, parts, STUDY)
    alone = {(one.number, one.site_id): one.sizes[-1] for one in indicators_in_steps(after, after, [], STUDY)}
    for number, site, was, now in totals_of(steps):
        assert now == alone[number, site]
        mine = [part for part in parts_of(steps) if (part.number, part.site_id) == (number, site)]
        assert sum(part.numerator for part in mine) == now[1] - was[1]
