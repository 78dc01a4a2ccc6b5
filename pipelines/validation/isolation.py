"""Deliveries read in a process of their own: one that crashes, hangs or swells is refused, and the night goes on.

One process reads delivery after delivery, because starting it takes longer than most files. It is watched while it
is waited for, within limits that the kernel holds it to all the time. When it ends, or has to be ended, the delivery
it was at is to blame, and a new process goes on with the others. What an earlier file may have left behind in the
process is no later file's fault: a delivery is refused for a crash or for its memory only by a fresh one.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.validation.intake import ConservationError, known_rows, no_rows, rows_folder
from pipelines.validation.reader_process import COMMAND, EndedError, ReaderProcess
from pipelines.validation.reading_job import Answer, Job
from pipelines.validation.reading_limits import Stop, allowance, sentence
from pipelines.validation.rows import Rows, load_rows
from pipelines.validation.stopped import Stopped, load_stopped
from pipelines.workspace import Workspace

GROWN = 768_000_000  # bytes: a process that holds more after a delivery makes room for a new one
_BY_SIGNAL: dict[int, Stop] = {signal.SIGXCPU: "time", signal.SIGXFSZ: "output", signal.SIGKILL: "killed"}
_MAY_BE_INHERITED: tuple[Stop, ...] = ("crash", "memory")
_open: list[Session] = []


class ReadingError(Exception):
    """Deliveries cannot be read at all, which is no file's fault: a full disk, a process that does not start."""


@contextmanager
def reading(*, ahead: bool = False) -> Iterator[Session]:
    """Within the block deliveries are read by the same process; `ahead` begins to load it now.

    Within another such block it is that one's.
    """
    if _open:
        yield _open[-1]
        return
    session = Session(COMMAND)
    _open.append(session)
    if ahead:
        session.start()
    try:
        yield session
    finally:
        _open.remove(session)
        session.end()


def read_deliveries(workspace: Workspace, protocol: Protocol, receipts: Sequence[Receipt]) -> dict[str, Rows]:
    """The rows of every delivery by its id; what has not been read before is read in a process of its own.

    Raises ReadingError, ConservationError.
    """
    with reading() as session:
        return session.rows_of(workspace, protocol, receipts)


@dataclass(frozen=True)
class _Asked:
    """A delivery that is to be read. Where its rows will lie is its identity: it depends on all that they do.
    `tries` counts this one too."""

    job: Job
    folder: Path
    protocol: Protocol
    tries: int


class Session:
    """Readings by one process at a time, asked for in any number and done in turn."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: ReaderProcess | None = None
        self._told: Protocol | None = None
        self._waiting: dict[Path, _Asked] = {}  # by folder, in the order in which they were sent
        self._begun_at: float | None = None  # of the first of them; None where it has not begun
        self._idle_ends = 0  # in a row, of processes that had begun nothing
        self._found: dict[Path, Rows | Exception] = {}
        self._known: dict[tuple[Path, str, Receipt], Rows] = {}

    def start(self) -> None:
        self._process, self._told = ReaderProcess(self._command), None

    def end(self) -> None:
        """Let the process go; the next delivery would start another."""
        if self._process is not None:
            self._process.kill()
        self._process, self._begun_at = None, None

    def ask(self, workspace: Workspace, protocol: Protocol, receipts: Sequence[Receipt]) -> None:
        """Have what has not been read before read while the caller does something else."""
        for receipt in receipts:
            if self._settled(workspace, protocol, receipt) is None:
                self._add(workspace, protocol, receipt)

    def rows_of(self, workspace: Workspace, protocol: Protocol, receipts: Sequence[Receipt]) -> dict[str, Rows]:
        """As `read_deliveries`."""
        self.ask(workspace, protocol, receipts)
        found = {}
        for receipt in receipts:
            rows = self._settled(workspace, protocol, receipt)
            found[receipt.delivery_id] = rows or self._wait_for(rows_folder(workspace, protocol, receipt))
        return found

    def _settled(self, workspace: Workspace, protocol: Protocol, receipt: Receipt) -> Rows | None:
        """What was found before, in this session or in an earlier night that needs no other try."""
        key = (workspace.root, protocol.digest, receipt)
        if key not in self._known:
            rows = known_rows(workspace, protocol, receipt)
            if rows is None:
                allowed = allowance(protocol.study.deliveries.limits, receipt.bytes)
                stopped = load_stopped(rows_folder(workspace, protocol, receipt), allowed)
                if stopped is None or not stopped.is_settled:
                    return None
                rows = _refused(receipt, stopped)
            self._known[key] = rows
        return self._known[key]

    def _add(self, workspace: Workspace, protocol: Protocol, receipt: Receipt) -> None:
        folder = rows_folder(workspace, protocol, receipt)
        if folder in self._found or folder in self._waiting:
            return
        allowed = allowance(protocol.study.deliveries.limits, receipt.bytes)
        before = load_stopped(folder, allowed)
        tries = 1 + (before.tries if before else 0)
        self._waiting[folder] = _Asked(Job(workspace.root, receipt, allowed), folder, protocol, tries)
        self._send(self._waiting[folder])

    def _send(self, asked: _Asked) -> None:
        if self._process is None:
            self.start()
        assert self._process is not None
        if self._told is not asked.protocol:
            self._process.send(asked.protocol)
            self._told = asked.protocol
        self._process.send(asked.job)

    def _wait_for(self, folder: Path) -> Rows:
        while folder not in self._found:
            self._listen()
        found = self._found[folder]
        if isinstance(found, Exception):
            raise found
        return found

    def _listen(self) -> None:
        """Take the next answer, or see to it that the process keeps within its limits."""
        assert self._process is not None
        try:
            answer = self._process.next_answer()
        except EndedError as ended:
            self._went(_by_code(ended.code), _named(ended.code))
            return
        if answer is None:
            self._look()
        elif answer.state == "begun":
            self._begun_at, self._idle_ends = time.monotonic(), 0
        else:
            self._take(answer)

    def _look(self) -> None:
        if self._begun_at is None:
            return
        assert self._process is not None
        allowed = next(iter(self._waiting.values())).job.allowed
        stop: Stop | None = None
        if self._process.resident_bytes() > allowed.memory_bytes:
            stop = "memory"
        elif time.monotonic() - self._begun_at > allowed.seconds:
            stop = "hang"
        if stop is not None:
            self._process.kill()
            self._went(stop, "")

    def _take(self, answer: Answer) -> None:
        assert self._process is not None
        if answer.state in ("memory", "fault"):
            self._went(answer.state, answer.words)
            return
        asked = self._done()
        if answer.state == "done":
            rows = load_rows(asked.folder)
            assert rows is not None, "what was read lies in its folder"
            self._found[asked.folder] = rows
        else:
            kind = ConservationError if answer.state == "conservation" else ReadingError
            self._found[asked.folder] = kind(answer.words)
        if self._process.resident_bytes() > GROWN:
            self._anew()

    def _went(self, stop: Stop, detail: str) -> None:
        """The reading has come to an end it should not: blame the delivery, and go on with the others in a new
        process."""
        assert self._process is not None
        if self._begun_at is None:
            self._idle_ends += 1
            if self._idle_ends > 1:
                raise ReadingError("the process that reads deliveries cannot be started")
        elif stop not in _MAY_BE_INHERITED or self._process.n_begun == 1:
            self._refuse(stop, detail)
        self._anew()

    def _anew(self) -> None:
        """End the process, and send what is still waiting to a new one."""
        self.end()
        for asked in self._waiting.values():
            self._send(asked)

    def _refuse(self, stop: Stop, detail: str) -> None:
        asked = self._done()
        allowed = asked.job.allowed
        stopped = Stopped(stop, sentence(stop, allowed, detail), asked.tries, allowed)
        stopped.save(asked.folder)
        self._found[asked.folder] = _refused(asked.job.receipt, stopped)

    def _done(self) -> _Asked:
        self._begun_at = None
        return self._waiting.pop(next(iter(self._waiting)))


def _refused(receipt: Receipt, stopped: Stopped) -> Rows:
    rows = no_rows(receipt)
    return Rows(rows.delivery_id, rows.stream, rows.scope, rows.blinding, rejected=stopped.reason)


def _by_code(code: int) -> Stop:
    return _BY_SIGNAL.get(-code, "crash")


def _named(code: int) -> str:
    return signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
