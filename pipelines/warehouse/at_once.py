"""Statements over the build database that run side by side, each on a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

from pipelines.cores import usable_cores
from pipelines.warehouse.database import open_build
from pipelines.workspace import Workspace

T = TypeVar("T")


class Begin(Protocol):
    """Begins some work, which is given a connection, and does not wait for it."""

    def __call__(self, work: Callable[[Any], T]) -> Future[T]: ...


@contextmanager
def at_once(workspace: Workspace) -> Iterator[Begin]:
    """What is begun in the block is worked on in that order, as many at a time as there are cores, and has ended when
    the block has. When that breaks, nothing more is taken up."""
    pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="snapshot")

    def begin(work: Callable[[Any], T]) -> Future[T]:
        def run() -> T:
            with open_build(workspace) as con:
                return work(con)

        return pool.submit(run)

    try:
        yield begin
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    pool.shutdown()
