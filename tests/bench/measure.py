"""How long a command takes, all its children included, and how much memory they hold at most."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path

EVERY = 0.05  # seconds between two looks
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
COMMAND = [str(Path(sys.executable).with_name("ict-trial"))]


@dataclass(frozen=True)
class Measured:
    """`peak_bytes`: the largest sum, over the command and its children, of the resident memory seen.

    `processor_seconds`, of all cores together, hardly depends on what else the machine is doing. `course` is how much
    of them had been used so many seconds after `began`, the system's clock when it was started.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int
    output: str
    began: float
    course: tuple[tuple[float, float], ...]

    def until(self, moment: float) -> Measured:
        """The same command up to a moment of the system's clock; the memory stays that of the whole."""
        seconds = moment - self.began
        seen = bisect_right(self.course, (seconds, float("inf")))
        return replace(self, seconds=seconds, processor_seconds=self.course[seen - 1][1] if seen else 0.0)


def measure(command: list[str]) -> Measured:
    """Run a command to its end. Raises RuntimeError with what it said when it fails."""
    began, started, used = time.time(), time.perf_counter(), _processor_seconds()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    watch = _Watch(process.pid)
    watch.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    watch.ended.set()
    watch.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output}")
    return Measured(seconds, _processor_seconds() - used, watch.bytes, output, began, tuple(watch.course))


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _Watch(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.bytes, self.ended = pid, 0, threading.Event()
        self.course: list[tuple[float, float]] = []

    def run(self) -> None:
        started = time.perf_counter()
        while not self.ended.wait(EVERY):
            family = _family(self.pid)
            self.bytes = max(self.bytes, sum(_resident(pid) for pid in family))
            used = sum(_used(pid) for pid in family)
            if used >= (self.course[-1][1] if self.course else 0):  # less, where one ends between two looks
                self.course.append((time.perf_counter() - started, used))


def _family(pid: int) -> list[int]:
    found = [pid]
    for known in found:
        for task in _read(Path(f"/proc/{known}/task").glob("*/children")):
            found += [int(child) for child in task.split()]
    return found


def _read(paths: object) -> list[str]:
    texts = []
    try:
        for path in paths:  # type: ignore[attr-defined]
            texts.append(path.read_text())
    except OSError:
        pass  # the process has ended meanwhile
    return texts


def _resident(pid: int) -> int:
    (text,) = _read([Path(f"/proc/{pid}/statm")]) or ("0 0",)
    return int(text.split()[1]) * PAGE


def _used(pid: int) -> float:
    """Seconds of processor time of a process, and of its children that have ended."""
    (text,) = _read([Path(f"/proc/{pid}/stat")]) or ("",)
    after_name = text.rpartition(")")[2].split()
    return sum(int(ticks) for ticks in after_name[11:15]) / TICKS
