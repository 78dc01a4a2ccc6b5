"""Several at once: each after what it needs, and none after an error."""

from __future__ import annotations

import random
from collections.abc import Mapping
from threading import Barrier, Event, Timer

import pytest

from pipelines.warehouse.side_by_side import side_by_side

DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c", "elsewhere"]}


def _random_needs(chance: random.Random) -> dict[str, list[str]]:
    names = [f"t{number:02}" for number in range(40)]
    return {name: chance.sample(names[:place], min(place, chance.randrange(4))) for place, name in enumerate(names)}


@pytest.mark.parametrize("at_once", [1, 2, 5])
@pytest.mark.parametrize("needs", [DIAMOND, *(_random_needs(random.Random(seed)) for seed in range(5))])
def test_each_is_made_once_and_comes_after_all_that_it_needs(needs: Mapping[str, list[str]], at_once: int) -> None:
    begun_after: dict[str, set[str]] = {}
    done: set[str] = set()

    def make(name: str) -> str:
        begun_after[name] = set(done)
        done.add(name)
        return name

    made = list(side_by_side(list(needs), needs, make, at_once))
    assert sorted(made) == sorted(needs)
    for place, name in enumerate(made):
        needed = set(needs[name]) & set(needs)
        assert needed <= begun_after[name] and needed <= set(made[:place])


def test_one_at_a_time_they_come_in_their_order() -> None:
    assert list(side_by_side(["b", "c", "a"], {"a": ["c"], "b": [], "c": []}, str, 1)) == ["b", "c", "a"]


def test_two_that_do_not_need_each_other_are_made_at_the_same_time() -> None:
    both = Barrier(2, timeout=10)

    def make(name: str) -> str:
        if name in "bc":
            both.wait()
        return name

    assert set(side_by_side("abcd", DIAMOND, make, 2)) == set("abcd")


def test_an_error_is_raised_and_nothing_is_begun_after_it() -> None:
    begun, failed = [], Event()

    def make(name: str) -> str:
        begun.append(name)
        if name == "b":
            failed.set()
            raise ValueError(name)
        assert name == "a" or failed.wait(10)
        return name

    with pytest.raises(ValueError, match="b"):
        list(side_by_side("abcd", DIAMOND, make, 1))
    assert begun == ["a", "b"]


def test_whoever_has_enough_waits_for_what_is_begun_only() -> None:
    begun: list[str] = []
    gate = Event()

    def make(name: str) -> str:
        begun.append(name)
        assert name == "a" or gate.wait(10)
        return name

    asked = side_by_side("abcd", DIAMOND, make, 1)
    assert next(asked) == "a"
    Timer(0.2, gate.set).start()
    asked.close()
    assert set(begun) <= {"a", "b"}
