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
