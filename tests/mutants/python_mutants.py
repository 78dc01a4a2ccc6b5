"""The small mistakes that can be made in a Python file, as Cosmic Ray makes them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
# Of each kind of operator the one or two that a tired hand might write.
ARITHMETIC = {"Add": "Sub", "Sub": "Add", "Mul": "Div", "Div": "Mul", "FloorDiv": "Div", "Pow": "Mul", "Mod": "Mul"}
COMPARISON = {
    "Lt": "LtE",
    "LtE": "Lt",
    "Gt": "GtE",
    "GtE": "Gt",
    "Eq": "NotEq",
    "NotEq": "Eq",
    "Is": "IsNot",
    "IsNot": "Is",
}
OPERATORS = [
    *(f"core/ReplaceBinaryOperator_{a}_{b}" for a, b in ARITHMETIC.items()),
    *(f"core/ReplaceComparisonOperator_{a}_{b}" for a, b in COMPARISON.items()),
    "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd",
    "core/AddNot",
    "core/NumberReplacer",
    "core/ReplaceUnaryOperator_Delete_Not",
]
# Lines that make no number: what a file may hold at all (the tests of refused files see to that), and messages.
NO_NUMBER = ("Field(", "Problem(", "problems[")


def python_mutants(file: str) -> Iterator[Mutant]:
    """Every mutant of a file, each once."""
    code = (ROOT / file).read_text(encoding="utf-8")
    seen = {code}
    for name in OPERATORS:
        for occurrence in count():
            mutated = mutate_code(code, get_operator(name)(), occurrence)
            if mutated is None:
                break
            if mutated not in seen:
                seen.add(mutated)
                mutant = Mutant(file, _changed(code, mutated), mutated)
                if not any(word in mutant.changed for word in NO_NUMBER):
                    yield mutant


def _changed(code: str, mutated: str) -> str:
    before, after = code.splitlines(), mutated.splitlines()
    number = next(n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    return f"{before[number].strip()}  →  {after[number].strip()}"
