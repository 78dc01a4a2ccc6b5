"""Tests run on mutated SQL, one mutant after another in one process: nothing of a query is loaded for good.

The tests that noticed a table's last mistakes are asked first about its next one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pytest

from pipelines.warehouse.graph import load_graph
from tests.mutants.child import FAILED, PASSED, run

_noticed: Counter[tuple[str, str]] = Counter()  # by table and test


def fails(table: str, code: str, tests: list[str]) -> bool:
    """Whether a test fails while the table is made by `code`. Raises RuntimeError where none could be run."""
    queries = load_graph().queries
    assert isinstance(queries, dict)
    original = queries[table]
    queries[table] = replace(original, sql=code)
    try:
        return run(tests, [_NoticedFirst(table)], {PASSED: False, FAILED: True})
    finally:
        queries[table] = original


@dataclass
class _NoticedFirst:
    table: str

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: -_noticed[self.table, item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            _noticed[self.table, report.nodeid] += 1
