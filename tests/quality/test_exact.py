"""Exact tails, intervals and tests against numbers that were reckoned elsewhere, and in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipelines.quality.central import _equal_spread, _independence, _ranks
from pipelines.quality.exact import (
    ACTION,
    WATCH,
    cut,
    flags_from,
    funnel_scores,
    higher_than_others,
    upper_tail,
    wilson,
)
from pipelines.quality.forecast import QUANTILES, forecast


@pytest.mark.parametrize(
    ("n", "tolerated", "watch", "action"),
    [(10, 0.1, 4, 6), (20, 0.1, 6, 8), (40, 0.1, 9, 12), (60, 0.2, 19, 23), (100, 0.05, 11, 14), (200, 0.1, 30, 35)],
)
def test_the_binomial_limits(n: int, tolerated: float, watch: int, action: int) -> None:
    assert (flags_from(WATCH, n, tolerated), flags_from(ACTION, n, tolerated)) == (watch, action)


@pytest.mark.parametrize(("mean", "watch", "action"), [(1, 4, 6), (2, 6, 9), (5, 11, 14), (10, 18, 22), (20, 30, 36)])
def test_the_poisson_limits(mean: int, watch: int, action: int) -> None:
    assert (flags_from(WATCH, mean, 1.0, "rate"), flags_from(ACTION, mean, 1.0, "rate")) == (watch, action)


def test_a_count_too_small_to_flag_says_so() -> None:
    assert flags_from(WATCH, 1, 0.1) is None
    assert flags_from(WATCH, 0, 0.1) is None
    assert flags_from(WATCH, 1, 0.02) == 1


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 80), x=st.integers(0, 80), percent=st.integers(1, 60))
def test_the_tail_is_the_sum_of_its_terms(n: int, x: int, percent: int) -> None:
    p = Fraction(percent, 100)
    exact = sum((comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(x, n + 1)), Fraction(0))
    assert upper_tail(x, n, percent / 100) == pytest.approx(float(exact), rel=1e-10, abs=1e-300)


@pytest.mark.parametrize(
    ("site", "others", "p"),
    [((8, 20), (4, 40), 0.009521), ((9, 20), (3, 40), 0.001294), ((6, 20), (4, 40), 0.058537)],
)
def test_fisher_against_the_others(site: tuple[int, int], others: tuple[int, int], p: float) -> None:
    assert higher_than_others(*site, *others) == pytest.approx(p, abs=5e-7)


def test_a_rate_against_the_others_is_binomial_given_the_sum() -> None:
    # 3 and 1 events over equal exposure: P(X >= 3 | 4, 1/2) = 5/16.
    assert higher_than_others(3, 10, 1, 10, "rate") == pytest.approx(5 / 16)


@pytest.mark.parametrize(("x", "n", "low", "high"), [(3, 20, 0.0524, 0.3604), (0, 12, 0.0, 0.2425)])
def test_wilson(x: int, n: int, low: float, high: float) -> None:
    assert wilson(x, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_the_funnel_score_of_three_sites_hides_what_it_hides() -> None:
    assert funnel_scores([(18, 20), (2, 20), (2, 20)]) == [
        pytest.approx(1.414, abs=5e-4),
        pytest.approx(-0.707, abs=5e-4),
        pytest.approx(-0.707, abs=5e-4),
    ]
    assert funnel_scores([(10, 100)] * 5 + [(12, 100)])[-1] == pytest.approx(2.24, abs=5e-3)
    assert funnel_scores([(0, 10), (0, 20)]) == [0.0, 0.0]
    assert funnel_scores([(1, 10), (2, 20)]) == [0.0, 0.0]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 90)), min_size=2, max_size=12))
def test_no_site_can_pass_its_bound(tables: list[tuple[int, int]]) -> None:
    counts = [(min(x, n), n) for x, n in tables]
    total = sum(n for _, n in counts)
    for (_, n), score in zip(counts, funnel_scores(counts), strict=True):
        assert abs(score) <= sqrt(len(counts) * (1 - n / total)) + 1e-9


def test_the_forecast() -> None:
    ahead = forecast(planned_rate=4, n=18, t_months=6, ahead=6)
    assert ahead.mean == pytest.approx(18.857, abs=5e-4)
    assert ahead.quantiles == {"q025": 9, "q10": 12, "q50": 18, "q90": 27, "q975": 32}


# What follows is reckoned without scipy.stats, for what it takes to load; so scipy.stats has to say the same.
COUNTS = st.tuples(st.integers(0, 2000), st.integers(1, 2000)).map(lambda pair: (min(pair), max(*pair, 1)))
SCORES = st.lists(st.integers(0, 144).map(float), min_size=5, max_size=40).filter(lambda side: len(set(side)) > 1)


@settings(max_examples=150, deadline=None)
@given(COUNTS, COUNTS)
def test_scipy_gives_the_same_tails_and_intervals(site: tuple[int, int], others: tuple[int, int]) -> None:
    (x, n), (x_others, n_others) = site, others
    low, high = stats.binomtest(x, n).proportion_ci(0.95, method="wilson")
    assert wilson(x, n) == (cut(low), cut(high))
    fisher = stats.hypergeom.sf(x - 1, n + n_others, x + x_others, n)
    assert higher_than_others(x, n, x_others, n_others) == pytest.approx(fisher, rel=1e-9, abs=1e-300)
    given_the_sum = stats.binom.sf(x - 1, x + x_others, n / (n + n_others))
    assert higher_than_others(x, n, x_others, n_others, "rate") == pytest.approx(given_the_sum, rel=1e-9, abs=1e-300)


@settings(max_examples=60, deadline=None)
@given(x=st.integers(0, 60), n=st.integers(1, 60), x_others=st.integers(0, 90), n_others=st.integers(1, 90))
def test_fishers_tail_is_the_sum_of_its_terms(x: int, n: int, x_others: int, n_others: int) -> None:
    x, x_others = min(x, n), min(x_others, n_others)
    bad, total = x + x_others, n + n_others
    exact = Fraction(sum(comb(bad, k) * comb(total - bad, n - k) for k in range(x, min(bad, n) + 1)), comb(total, n))
    assert higher_than_others(x, n, x_others, n_others) == pytest.approx(float(exact), rel=1e-11)


@settings(max_examples=100, deadline=None)
@given(SCORES, SCORES)
def test_scipy_gives_the_same_tests_of_spread_and_of_digits(mine: list[float], rest: list[float]) -> None:
    assert _equal_spread(mine, rest) == pytest.approx(stats.levene(mine, rest, center="median").pvalue, rel=1e-9)
    assert list(_ranks(mine)) == list(stats.rankdata(mine))
    table = [[sum(value % 10 == digit for value in side) + 1 for side in (mine, rest)] for digit in range(10)]
    result = stats.chi2_contingency(table, correction=False)
    assert _independence(table) == pytest.approx((result.statistic, result.pvalue), rel=1e-9)


@settings(max_examples=100, deadline=None)
@given(planned=st.floats(0.1, 40), n=st.integers(0, 500), months=st.floats(0.1, 60), ahead=st.integers(1, 12))
def test_scipy_gives_the_same_forecast(planned: float, n: int, months: float, ahead: int) -> None:
    p = (1 + months) / (1 + months + ahead)
    assert forecast(planned, n, months, ahead).quantiles == {
        name: stats.nbinom.ppf(q, planned + n, p) for name, q in QUANTILES.items()
    }
