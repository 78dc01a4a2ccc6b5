"""One simulated trial of each kind, shared by the tests that only look at it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.simulate import simulate
from pipelines.simulate.calendar import Calendar
from pipelines.simulate.trial import Trial, run_trial
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace

TODAY = date(2025, 11, 15)


@dataclass(frozen=True)
class Simulated:
    workspace: Workspace

    def truth(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.workspace.root / "truth" / f"{name}.parquet")

    @property
    def faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.workspace.root / "truth" / "faults.json").read_bytes())
        return found

    def files(self, pattern: str) -> Iterator[Path]:
        """Delivered files, without manifests, in the order of their names."""
        found = sorted(self.workspace.landing.glob(pattern))
        return (path for path in found if path.is_file() and not path.name.endswith(".manifest.json"))


@pytest.fixture(scope="session")
def clean(ict_sad: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    workspace = Workspace(tmp_path_factory.mktemp("clean"))
    simulate(workspace, ict_sad, 60, 1, today=TODAY, events=300)
    return Simulated(workspace)


@pytest.fixture(scope="session")
def faulty(ict_sad: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    workspace = Workspace(tmp_path_factory.mktemp("faulty"))
    simulate(workspace, ict_sad, 60, 1, faults=True, today=TODAY, events=300)
    return Simulated(workspace)


@pytest.fixture(scope="session")
def big(ict_sad: Protocol) -> Trial:
    """Enough people to see the course of the outcomes; nothing is written."""
    return run_trial(ict_sad, 600, Calendar(TODAY), 1100, seed=5)
