"""Statements over the build that run side by side."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from pipelines import effects
from pipelines.warehouse import at_once as module
from pipelines.warehouse.at_once import at_once
from pipelines.warehouse.database import build_file, create_table, insert_rows, open_build
from pipelines.workspace import Workspace

MANY = 40


@pytest.fixture
def numbers(workspace: Workspace) -> Workspace:
    effects.make_directory(workspace.build)
    with open_build(workspace) as con:
        create_table(con, "core.number", {"n": "BIGINT"}, file=build_file(workspace))
        insert_rows(con, "core.number", [[n] for n in range(MANY)], file=build_file(workspace))
    return workspace


def count_below(con: Any, n: int) -> int:
    return int(con.execute("SELECT count(*) FROM core.number WHERE n < ?", [n]).fetchone()[0])


def test_each_has_a_connection_of_its_own(numbers: Workspace) -> None:
    with at_once(numbers) as begin:
        found = [begin(lambda con, n=n: (id(con), count_below(con, n))) for n in range(MANY)]
    assert [work.result()[1] for work in found] == list(range(MANY))


def test_what_goes_wrong_is_told_to_whoever_waits_for_it(numbers: Workspace) -> None:
    with at_once(numbers) as begin:
        wrong = begin(lambda con: con.execute("FROM core.nothing"))
        right = begin(lambda con: count_below(con, 3))
    assert right.result() == 3
    with pytest.raises(Exception, match="nothing"):
        wrong.result()


def test_when_the_block_breaks_what_runs_is_waited_for_and_nothing_more_is_begun(
    numbers: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 1)
    runs, given_up = Event(), Event()

    def slow(con: Any) -> int:
        runs.set()
        assert given_up.wait(timeout=10)
        return count_below(con, 5)

    with pytest.raises(RuntimeError, match="the disk is full"), at_once(numbers) as begin:
        running = begin(slow)
        waiting = begin(lambda con: count_below(con, 7))
        waiting.add_done_callback(lambda _: given_up.set())
        runs.wait()
        raise RuntimeError("the disk is full")
    assert running.result() == 5
    assert waiting.cancelled()
