"""Processes that are begun ahead are those that are asked for, and none is left."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.warehouse import fresh_process as module
from pipelines.warehouse.fresh_process import FreshProcess, begun_ahead, fresh_process

Begun = list[subprocess.Popen[str]]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[Begun]:
    """Every process that was begun."""
    found: Begun = []
    begin = module._begin

    def noted(temporary: Path) -> subprocess.Popen[str]:
        found.append(begin(temporary))
        return found[-1]

    monkeypatch.setattr(module, "_begin", noted)
    yield found
    assert all(process.poll() is not None for process in found)


def _write(writer: FreshProcess, file: Path) -> None:
    for statement in (f"ATTACH '{file}' AS made", "CREATE TABLE made.one AS SELECT 1 AS n", "DETACH made"):
        writer.execute(statement)
    writer.finish()


def test_each_is_given_once_and_further_ones_are_begun_when_they_are_asked_for(tmp_path: Path, begun: Begun) -> None:
    with begun_ahead(tmp_path / "spill", n=2):
        assert len(begun) == 2
        with fresh_process(tmp_path / "spill") as one, fresh_process(tmp_path / "spill") as two:
            assert len(begun) == 2
            _write(one, tmp_path / "one.duckdb")
            _write(two, tmp_path / "two.duckdb")
        with fresh_process(tmp_path / "spill") as three:
            _write(three, tmp_path / "three.duckdb")
        assert len(begun) == 3
    for name in ("one", "two", "three"):
        with duckdb.connect(str(tmp_path / f"{name}.duckdb")) as con:
            assert con.execute("SELECT n FROM one").fetchall() == [(1,)]


def test_those_that_nobody_asks_for_end_with_the_block(tmp_path: Path, begun: Begun) -> None:
    with pytest.raises(ZeroDivisionError), begun_ahead(tmp_path, n=2):
        raise ZeroDivisionError
    assert len(begun) == 2 and all(process.poll() is not None for process in begun)


def test_one_that_spills_elsewhere_is_begun(tmp_path: Path, begun: Begun) -> None:
    with begun_ahead(tmp_path / "here", n=1), fresh_process(tmp_path / "there"):
        assert len(begun) == 2


def test_one_that_ended_while_it_waited_is_not_given(tmp_path: Path, begun: Begun) -> None:
    with begun_ahead(tmp_path, n=1):
        begun[0].kill()
        begun[0].wait()
        with fresh_process(tmp_path) as writer:
            _write(writer, tmp_path / "one.duckdb")
    assert len(begun) == 2
