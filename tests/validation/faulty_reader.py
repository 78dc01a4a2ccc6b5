"""The process that reads deliveries, with one thing changed: files of certain names do their reader harm."""

from __future__ import annotations

import ctypes
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.landing.readers import Table, open_table
from pipelines.study.source import Read
from pipelines.validation import intake, reader_child

CANARY = "Zx9Qcanary"


def swell() -> None:
    held = []
    while True:
        held.append(b"x" * 50_000_000)
        time.sleep(0.02)


def hold() -> None:
    """Some memory, for longer than it takes until somebody looks."""
    held = b"x" * 600_000_000
    time.sleep(1)
    del held


def spin() -> None:
    while True:
        pass


def write_on() -> None:
    with tempfile.TemporaryFile() as file:
        while True:
            file.write(b"x" * 1_000_000)


def fail_with_a_value() -> None:
    raise ValueError(f"could not read {CANARY}")


def chatter() -> None:
    """Like a library written in C, past Python's own streams."""
    for stream in (1, 2):
        os.write(stream, f"{CANARY}\n".encode())


def fill_the_disk() -> None:
    raise OSError(28, "No space left on device", "store/rows")


FAULTS: dict[str, Callable[[], object]] = {
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "exit": lambda: os._exit(3),
    "oom": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hang": lambda: time.sleep(3600),
    "spin": spin,
    "swell": swell,
    "hold": hold,
    "write": write_on,
    "bug": fail_with_a_value,
    "chatter": chatter,
    "disk": fill_the_disk,
}


def open_or_fail(path: Path, file_name: str, read: Read) -> Table:
    fault = FAULTS.get(Path(file_name).name.partition("_")[0])
    if fault is not None:
        fault()
    return open_table(path, file_name, read)


if __name__ == "__main__":
    intake.open_table = open_or_fail
    reader_child.prepare = lambda: None  # which most of these files do not live to need
    reader_child.serve()
