"""`make mutants` fails where a mistake is noticed by nobody, and where its list of harmless ones is out of date."""

from __future__ import annotations

import pytest

from tests.mutants import __main__ as tool
from tests.mutants.mutant import Mutant


@pytest.mark.parametrize(
    ("by_oracles", "by_tests", "listed", "code"),
    [
        (True, True, True, 0),
        (False, True, True, 0),
        (False, False, True, 1),
        (False, True, False, 1),  # the list names what no longer is a mutant
    ],
)
def test_a_survivor_or_a_stale_reason_fails(
    monkeypatch: pytest.MonkeyPatch, by_oracles: bool, by_tests: bool, listed: bool, code: int
) -> None:
    mutants = [Mutant("outcome.part_score", "a  →  b", "SELECT 1")]
    harmless = [Mutant("outcome.part_score", changed, "") for changed in tool.known_equivalent("outcome.part_score")]
    monkeypatch.setattr("sys.argv", ["mutants", "outcome.part_score"])
    monkeypatch.setattr(
        tool, "_by_oracles", lambda _: [(mutants[0], by_oracles), *((one, False) for one in harmless if listed)]
    )
    monkeypatch.setattr(tool, "_by_tests", lambda left, _: [(mutant, by_tests) for mutant in left])
    assert tool.main() == code
