"""What the tests of the SQL share."""

from __future__ import annotations

import pytest

from pipelines.study.load import Protocol
from tests.sql.trial import Trial


@pytest.fixture
def trial(ict_sad: Protocol) -> Trial:
    """An empty iCT-SAD trial; randomisation is on 2 March 2026 where a test says nothing else."""
    return Trial(ict_sad)
