"""Fetch what comes next while the last is being worked on: the batches of a file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from queue import Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")
AHEAD = 2


def read_ahead(batches: Iterator[T]) -> Generator[T, None, None]:
    """The same batches in the same order, fetched by a second thread; what it raises is raised here."""
    queue: Queue[tuple[T | None, BaseException | None]] = Queue(maxsize=AHEAD)
    enough = Event()

    def fetch() -> None:
        try:
            for batch in batches:
                queue.put((batch, None))
                if enough.is_set():
                    return
            queue.put((None, None))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that asked
            queue.put((None, error))

    thread = Thread(target=fetch, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            batch, error = queue.get()
            if error is not None:
                raise error
            if batch is None:
                return
            yield batch
    finally:
        enough.set()
        while thread.is_alive():  # it may be waiting for room in the queue
            while not queue.empty():
                queue.get_nowait()
            thread.join(timeout=0.01)
