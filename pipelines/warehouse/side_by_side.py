"""Make what needs one another a few at a time: each as soon as all that it needs is made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from queue import SimpleQueue
from threading import Event, Lock
from typing import TypeVar

from pipelines.cores import usable_cores

T = TypeVar("T")
AT_ONCE = min(4, usable_cores())  # planning a small table keeps one core busy, however many DuckDB may use


def side_by_side(
    names: Sequence[str], needs: Mapping[str, Collection[str]], make: Callable[[str], T], at_once: int = AT_ONCE
) -> Generator[T, None, None]:
    """What `make` makes of each of the `names`, as it comes: after all that it needs of them, and of what could be
    made first what stands first. After an error nothing more is begun; it is raised here."""
    rank = {name: place for place, name in enumerate(names)}
    sorter = TopologicalSorter({name: rank.keys() & set(needs[name]) for name in names})
    sorter.prepare()
    ready: list[int] = []
    made: SimpleQueue[T | BaseException] = SimpleQueue()
    turn, enough = Lock(), Event()

    def begin() -> None:
        for name in sorter.get_ready():
            heappush(ready, rank[name])
            pool.submit(work)

    def work() -> None:
        with turn:
            name = names[heappop(ready)]
        if enough.is_set():
            return
        try:
            result = make(name)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asked
            enough.set()
            made.put(error)
            return
        made.put(result)
        with turn:
            sorter.done(name)
            if not enough.is_set():
                begin()

    with ThreadPoolExecutor(at_once, thread_name_prefix="table") as pool:
        try:
            with turn:
                begin()
            for _ in names:
                result = made.get()
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            enough.set()
