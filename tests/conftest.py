"""What many tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines.study.load import SCHEMAS, Protocol, load_protocol

REAL = Path(__file__).parents[2] / "shared" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """Files that nobody of this project made; they lie beside the project, never in it."""
    if not REAL.is_dir():
        pytest.skip("the folder ../shared/real with other people's files is not here")
    return REAL


@pytest.fixture(scope="session")
def ict_sad() -> Protocol:
    return load_protocol(SCHEMAS / "studies" / "ict_sad.yaml")


# The files that take longest: begun first, so that at the end no core waits for one of them.
LONG = (
    "end_to_end/test_nightly.py",
    "end_to_end/test_truth.py",
    "end_to_end/test_real_files.py",
    "faults/",
    "sql/test_provenance.py",
    "quality/test_checked_unit.py",
    "quality/test_metric.py",
    "warehouse/test_snapshot.py",
    "warehouse/test_touched.py",
    "warehouse/test_spark.py",
    "warehouse/test_kept.py",
    "report/board/test_published_trial.py",
    "validation/test_side_by_side.py",
    "end_to_end/",
    "corpus/test_night.py",
    "sql/test_oracle.py",
    "test_data_cut.py",
    "warehouse/test_last_files.py",
    "sql/test_data_queries.py",
    "quality/test_audit_ledger.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((number for number, name in enumerate(LONG) if f"tests/{name}" in item.nodeid), len(LONG))

    items.sort(key=place)
