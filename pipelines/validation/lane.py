"""One of the processes that read deliveries side by side: what it was sent, what it is at, and what takes its place."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.study.load import Protocol
from pipelines.validation.reader_process import ReaderProcess
from pipelines.validation.reading_job import Job
from pipelines.validation.reading_limits import MB, Stop

# Processor seconds, about, by which readings are shared out.
A_FILE, A_MB = 0.05, 0.06


@dataclass(frozen=True)
class Asked:
    """A delivery that is to be read. Where its rows will lie is its identity: it depends on all that they do.
    `tries` counts this one too."""

    job: Job
    folder: Path
    protocol: Protocol
    tries: int

    @property
    def seconds(self) -> float:
        return reading_seconds(self.job.receipt.bytes)


def reading_seconds(file_bytes: int) -> float:
    """About how long a file of that size takes to be read."""
    return A_FILE + A_MB * file_bytes / MB


class Lane:
    """Readings by one process at a time, done in the order in which they were sent."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._told: Protocol | None = None
        self.waiting: dict[Path, Asked] = {}  # by folder, in that order
        self.begun_at: float | None = None  # of the first of them; None where it has not begun
        self.idle_ends = 0  # in a row, of processes that had begun nothing
        self.process: ReaderProcess | None = None
        self._start()

    @property
    def seconds(self) -> float:
        """About how long what it was sent will take."""
        return sum(asked.seconds for asked in self.waiting.values())

    @property
    def is_fresh(self) -> bool:
        """Whether its process has begun no delivery before the one that it is at."""
        return self.process is not None and self.process.n_begun == 1

    @property
    def resident_bytes(self) -> int:
        return self.process.resident_bytes() if self.process is not None else 0

    def send(self, asked: Asked) -> None:
        self.waiting[asked.folder] = asked
        process = self.process or self._start()
        if self._told is not asked.protocol:
            process.send(asked.protocol)
            self._told = asked.protocol
        process.send(asked.job)

    def begun(self) -> None:
        self.begun_at, self.idle_ends = time.monotonic(), 0

    def done(self) -> Asked:
        """The delivery that it was at, which it is at no longer."""
        self.begun_at = None
        return self.waiting.pop(next(iter(self.waiting)))

    def overstepped(self) -> Stop | None:
        """The limit that the delivery which it is at has gone beyond."""
        if self.begun_at is None:
            return None
        allowed = next(iter(self.waiting.values())).job.allowed
        if self.resident_bytes > allowed.memory_bytes:
            return "memory"
        return "hang" if time.monotonic() - self.begun_at > allowed.seconds else None

    def stop(self) -> None:
        """End the process over the delivery that it is at."""
        if self.process is not None:
            self.process.kill()

    def anew(self) -> None:
        """End the process, and send what is still waiting to a new one."""
        self.end()
        for asked in self.waiting.values():
            self.send(asked)

    def end(self) -> None:
        """Let the process go; the next delivery would start another."""
        self.stop()
        self.process, self.begun_at = None, None

    def _start(self) -> ReaderProcess:
        self.process, self._told = ReaderProcess(self._command), None
        return self.process
