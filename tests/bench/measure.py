"""How long a command takes, and how much memory it and all its children hold at most."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

EVERY = 0.05  # seconds between two looks at the memory
PAGE = os.sysconf("SC_PAGE_SIZE")
COMMAND = [str(Path(sys.executable).with_name("ict-trial"))]


@dataclass(frozen=True)
class Measured:
    """`peak_bytes`: the largest sum, over the command and its children, of the resident memory seen.

    `processor_seconds`, of all cores together, hardly depends on what else the machine is doing.
    """

    seconds: float
    processor_seconds: float
    peak_bytes: int
    output: str


def measure(command: list[str]) -> Measured:
    """Run a command to its end. Raises RuntimeError with what it said when it fails."""
    started, used = time.perf_counter(), _processor_seconds()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = _Peak(process.pid)
    peak.start()
    output, _ = process.communicate()
    seconds = time.perf_counter() - started
    peak.ended.set()
    peak.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output}")
    return Measured(seconds, _processor_seconds() - used, peak.bytes, output)


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _Peak(threading.Thread):
    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.bytes, self.ended = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(EVERY):
            self.bytes = max(self.bytes, sum(_resident(pid) for pid in _family(self.pid)))


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
