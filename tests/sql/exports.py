"""Deliveries of which the columns are known, as the readers would describe them."""

from __future__ import annotations

from typing import Any

from tests.sql.trial import Trial

Column = dict[str, Any]


def column(name: str, variable: str | None = None, declared: str = "text", **given: Any) -> Column:
    """A column with 100 filled cells where nothing else is said."""
    filled = {"kind": "text", "n_cells": 100, "n_filled": 100}
    return (
        {"column_name": name, "variable": name if variable is None else variable, "declared": declared} | filled | given
    )


def coded(name: str, counts: dict[str, int], unknown: int = 0, declared: str = "code", **given: Any) -> Column:
    """A column of codes."""
    n = sum(counts.values()) + unknown
    facts = {"codes": list(counts), "n_of_code": list(counts.values()), "n_unknown": unknown, "n_cells": n}
    return column(name, **{"declared": declared, "kind": "integer", **facts, "n_filled": n, **given})


def item(name: str, counts: dict[str, int], unknown: int = 0, **given: Any) -> Column:
    """An item of 0 to 3; `phq9_1` is of the instrument phq9."""
    numbers = [int(code) for code in counts]
    facts = {
        "variable": name.replace("_", "."), "minimum": min(numbers, default=None), "defined_minimum": 0,
        "maximum": max(numbers, default=None), "defined_maximum": 3,
    }  # fmt: skip
    return coded(name, counts, unknown, **{"declared": "item", **facts, **given})


def export(trial: Trial, *columns: Column, ordered: bool = True, **given: Any) -> str:
    """A delivery of oxford's with these columns in this order, later than those before. Returns its id."""
    feed = given.pop("feed", "questionnaires")
    delivery = trial.delivery("oxford", feed, **{"stream": "own", "n_rows": 100, "n_quarantined": 0, **given})
    for position, facts in enumerate(columns, start=1):
        place = {"delivery_id": delivery, "position": position if ordered else None}
        trial.rows.setdefault("delivery_variable", []).append({**place, **facts})
    return delivery


# For each kind of change: how the export looked, and how it looks now.
CHANGES: dict[str, tuple[list[Column], list[Column]]] = {
    "gone": ([column("a"), column("b")], [column("a")]),
    "new": ([column("a")], [column("a"), column("b")]),
    "moved": ([column(name) for name in "abcd"], [column(name) for name in "bcda"]),
    "recoded": ([coded("sex", {"1": 60, "2": 40})], [coded("sex", {"F": 60, "M": 40})]),
    "range_shifted": ([item("phq9_1", {"0": 40, "1": 60})], [item("phq9_1", {"1": 40, "2": 60})]),
    "type_changed": ([column("on", declared="date", kind="date")], [column("on", declared="date", kind="integer")]),
    "missing_jumped": ([column("a", n_filled=90)], [column("a", n_filled=65)]),
}
