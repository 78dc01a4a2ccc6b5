"""What the warehouse's tests share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.study.load import Protocol
from pipelines.warehouse.build import derive, start_build
from pipelines.warehouse.database import close_build
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.publish import publish
from pipelines.warehouse.snapshot import write_snapshot
from pipelines.workspace import Workspace
from tests.warehouse.small_trial import AS_OF, NOON, ADelivery, deliveries, write_files

Build = Callable[..., Workspace]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Workspace:
    """The small trial published once, for tests that only read it."""
    workspace, snapshot = _written(tmp_path_factory.mktemp("published"), ict_sad)
    publish(workspace, ict_sad, snapshot)
    return workspace


def _written(folder: Path, protocol: Protocol) -> tuple[Workspace, Path]:
    """A workspace with the small trial in a hidden snapshot, and that."""
    (folder / "workspace").mkdir()
    workspace, graph = Workspace(folder / "workspace"), write_files(folder / "files")
    _build(workspace, graph, protocol, deliveries(folder / "drops"))
    return workspace, write_snapshot(workspace, protocol, AS_OF, graph.dictionary, NOON).folder


def _build(workspace: Workspace, graph: Graph, protocol: Protocol, drops: Sequence[ADelivery]) -> None:
    start_build(workspace, protocol, drops, AS_OF)
    for name in graph.order:
        derive(workspace, name, graph)


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    (tmp_path / "workspace").mkdir()
    made = Workspace(tmp_path / "workspace")
    yield made
    close_build(made)


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return write_files(tmp_path / "files")


@pytest.fixture
def build(tmp_path: Path, workspace: Workspace, graph: Graph, ict_sad: Protocol) -> Build:
    """Build all tables of the small trial, by default from all its deliveries."""

    def made(drops: Sequence[ADelivery] | None = None) -> Workspace:
        _build(workspace, graph, ict_sad, deliveries(tmp_path / "drops") if drops is None else drops)
        return workspace

    return made


@pytest.fixture(scope="module")
def written_once(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Path:
    return _written(tmp_path_factory.mktemp("written"), ict_sad)[1]


@pytest.fixture
def written(written_once: Path, tmp_path: Path) -> Path:
    """The small trial's snapshot, written and not yet published: a copy, which a test may damage."""
    return Path(shutil.copytree(written_once, tmp_path / written_once.name))


@pytest.fixture
def night(build: Build, graph: Graph, ict_sad: Protocol) -> Callable[..., Path]:
    """One whole night: build, write, publish; returns the snapshot's folder."""

    def run(drops: Sequence[ADelivery] | None = None, now: datetime = NOON) -> Path:
        workspace = build(drops)
        return publish(workspace, ict_sad, write_snapshot(workspace, ict_sad, AS_OF, graph.dictionary, now).folder)

    return run
