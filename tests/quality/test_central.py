"""People unlike their site: neither a few made-up ones nor the bulk can hide."""

from __future__ import annotations

import numpy as np

from pipelines.quality.central import _tails


def people(n: int, d: int = 3, seed: int = 4) -> list[list[float]]:
    draws = np.random.default_rng(seed)
    common = draws.normal(size=(n, 1))
    return (20 + 4 * (0.7 * common + 0.7 * draws.normal(size=(n, d)))).round().tolist()


def test_nobody_is_listed_among_people_as_they_come() -> None:
    assert [_tails(people(n)) for n in (20, 60)] == [0, 0]


def test_a_tenth_far_out_cannot_hide_by_pulling_the_mean_and_the_spread_towards_themselves() -> None:
    strange = [[45.0, 4.0, 45.0]] * 6
    assert _tails(people(54) + strange) >= 6


def test_scores_that_do_not_vary_list_nobody() -> None:
    assert _tails([[20.0, 20.0]] * 40) in (0, 40)  # nobody lies out; all of them lie at the very middle
