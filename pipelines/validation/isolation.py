"""Deliveries read in processes of their own: one that crashes, hangs or swells is refused, and the night goes on.

Each process reads delivery after delivery, because starting it takes longer than most files; there are as many side by
side as there are cores, where there is work for them, and memory within the limit of one. They are watched while they
are waited for, within limits that the kernel holds them to all the time. When one ends, or has to be ended, the
delivery it was at is to blame, and a new process goes on with the others. What an earlier file may have left behind in
the process is no later file's fault: a delivery is refused for a crash or for its memory only by a fresh one. Nor is it
what another process holds: a delivery is refused because the machine ended its reading only where it was read alone.

What is read of a delivery depends on nothing but its bytes and its receipt: in which order they are read, and by how
many processes, makes no difference.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines.cores import usable_cores
from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.validation.intake import ConservationError, known_rows, no_rows, rows_folder
from pipelines.validation.lane import Asked, Lane, reading_seconds
from pipelines.validation.reader_process import COMMAND, EndedError, ReaderProcess, wait_for_any
from pipelines.validation.reading_job import Answer, Job
from pipelines.validation.reading_limits import Stop, allowance, sentence
from pipelines.validation.rows import Rows, load_rows
from pipelines.validation.stopped import Stopped, load_stopped
from pipelines.workspace import Workspace

GROWN = 768_000_000  # bytes: a process that holds more after a delivery makes room for a new one
SHARE = 512_000_000  # bytes of the limit on memory that there must be for each process
LOOK = 0.05  # seconds between two looks at the memory
AT_ONCE = 0.8  # seconds of reading that a process is sent ahead, so that it need not wait for who shares it out
WORTH_ANOTHER = 1.5  # seconds of reading that there must be for each process; loading one takes nearly as long
MOST_MEMORY = 2**62
LARGE = 20_000_000  # bytes: such a file is begun before all others, so that no process waits for it at the end
_BY_SIGNAL: dict[int, Stop] = {signal.SIGXCPU: "time", signal.SIGXFSZ: "output", signal.SIGKILL: "killed"}
_MAY_BE_INHERITED: tuple[Stop, ...] = ("crash", "memory")
_open: list[Session] = []


class ReadingError(Exception):
    """Deliveries cannot be read at all, which is no file's fault: a full disk, a process that does not start."""


@contextmanager
def reading(*, ahead: Iterable[int] = ()) -> Iterator[Session]:
    """Within the block deliveries are read by the same processes; what reads files of so many bytes as `ahead` says
    begins to load now.

    Within another such block they are that one's.
    """
    if _open:
        yield _open[-1]
        return
    session = Session(COMMAND)
    _open.append(session)
    session.expect(ahead)
    try:
        yield session
    finally:
        _open.remove(session)
        session.end()


def read_deliveries(workspace: Workspace, protocol: Protocol, receipts: Sequence[Receipt]) -> dict[str, Rows]:
    """The rows of every delivery by its id; what has not been read before is read in processes apart.

    Raises ReadingError, ConservationError.
    """
    with reading() as session:
        return session.rows_of(workspace, protocol, receipts)


class Session:
    """Readings by at most so many processes, asked for in any number, and shared out among them as they get on."""

    def __init__(self, command: Sequence[str], most: int | None = None) -> None:
        self._command = command
        self._most = usable_cores() if most is None else most
        self._memory = MOST_MEMORY  # bytes that all together may hold: the least of what any delivery is allowed
        self._lanes: list[Lane] = []
        self._unsent: dict[Path, Asked] = {}  # by folder, in the order in which they are to be sent
        self._looked_at = 0.0
        self._put_off: list[Callable[[], None]] = []
        self._found: dict[Path, Rows | Exception] = {}
        self._known: dict[tuple[Path, str, Receipt], Rows] = {}

    def expect(self, sizes: Iterable[int]) -> None:
        """Begin to load what files of so many bytes will need."""
        self._open_lanes([reading_seconds(size) for size in sizes])

    @property
    def expects_more(self) -> bool:
        """Whether there is anything to read, as far as anybody has said."""
        return bool(self._lanes)

    def end(self) -> None:
        """Let the processes go; the next delivery would start another."""
        for lane in self._lanes:
            lane.end()
        self._lanes.clear()

    def ask(self, workspace: Workspace, protocol: Protocol, receipts: Sequence[Receipt]) -> None:
        """Have what has not been read before read while the caller does something else."""
        for receipt in receipts:
            if self._settled(workspace, protocol, receipt) is None:
                self._add(workspace, protocol, receipt)
        self._unsent = dict(sorted(self._unsent.items(), key=_turn))
        self._open_lanes([asked.seconds for asked in self._unsent.values()])
        self._listen(0)

    def when_a_core_is_free(self, begin: Callable[[], None]) -> None:
        """Begin something else that takes a core, now or as soon as the readings leave one."""
        self._put_off.append(begin)
        self._listen(0)

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
        if folder in self._found or folder in self._unsent or any(folder in lane.waiting for lane in self._lanes):
            return
        allowed = allowance(protocol.study.deliveries.limits, receipt.bytes)
        before = load_stopped(folder, allowed)
        tries = 1 + (before.tries if before else 0)
        self._memory = min(self._memory, allowed.memory_bytes)
        self._unsent[folder] = Asked(Job(workspace.root, receipt, allowed), folder, protocol, tries)

    def _wait_for(self, folder: Path) -> Rows:
        while folder not in self._found:
            self._listen(LOOK)
        found = self._found[folder]
        if isinstance(found, Exception):
            raise found
        return found

    def _listen(self, patience: float) -> None:
        """Take the next answers, see to it that each process keeps within its limits, and share out what waits."""
        self._share_out()
        busy = {lane: lane.process for lane in self._lanes if lane.waiting and lane.process is not None}
        wait_for_any(busy.values(), patience)
        for lane, process in busy.items():
            self._hear(lane, process)
        if time.monotonic() - self._looked_at >= LOOK:
            self._look()
        self._share_out()
        while self._put_off and sum(bool(lane.waiting) for lane in self._lanes) < usable_cores():
            self._put_off.pop(0)()

    def _open_lanes(self, seconds: Sequence[float]) -> None:
        """As many processes as readings that take so long are worth. One reads the longest of them meanwhile."""
        most = max(1, min(self._most, self._memory // SHARE))
        beside = sum(seconds) - max(seconds, default=0)
        while seconds and len(self._lanes) < max(1, min(most, beside / WORTH_ANOTHER)):
            self._lanes.append(Lane(self._command))

    def _share_out(self) -> None:
        """Send what waits to whoever will be done first."""
        while self._unsent:
            lane = min(self._lanes, key=lambda lane: lane.seconds)
            if lane.seconds >= AT_ONCE:
                return
            lane.send(self._unsent.pop(next(iter(self._unsent))))

    def _hear(self, lane: Lane, process: ReaderProcess) -> None:
        try:
            while lane.process is process and (answer := process.answer()) is not None:
                if answer.state == "begun":
                    lane.begun()
                else:
                    self._take(lane, answer)
        except EndedError as ended:
            self._went(lane, _by_code(ended.code), _named(ended.code))

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        for lane in list(self._lanes):
            stop = lane.overstepped()
            if stop is not None:
                lane.stop()
                self._went(lane, stop, "")
        if len(self._lanes) > 1 and sum(lane.resident_bytes for lane in self._lanes) > self._memory:
            self._with_one_less(min(self._lanes, key=lambda lane: lane.resident_bytes))

    def _take(self, lane: Lane, answer: Answer) -> None:
        if answer.state in ("memory", "fault"):
            self._went(lane, answer.state, answer.words)
            return
        asked = lane.done()
        if answer.state == "done":
            rows = load_rows(asked.folder)
            assert rows is not None, "what was read lies in its folder"
            self._found[asked.folder] = rows
        else:
            kind = ConservationError if answer.state == "conservation" else ReadingError
            self._found[asked.folder] = kind(answer.words)
        if lane.resident_bytes > GROWN:
            lane.anew()

    def _went(self, lane: Lane, stop: Stop, detail: str) -> None:
        """The reading has come to an end it should not: blame the delivery, and go on with the others in a new
        process."""
        if len(self._lanes) > 1 and (stop == "killed" or lane.begun_at is None):
            self._with_one_less(lane)
            return
        if lane.begun_at is None:
            lane.idle_ends += 1
            if lane.idle_ends > 1:
                raise ReadingError("the process that reads deliveries cannot be started")
        elif stop not in _MAY_BE_INHERITED or lane.is_fresh:
            self._refuse(lane, stop, detail)
        lane.anew()

    def _with_one_less(self, lane: Lane) -> None:
        """Memory may have been too little for all: have the others read what this one was sent."""
        lane.end()
        self._lanes.remove(lane)
        self._most = len(self._lanes)
        self._unsent = dict(sorted({**lane.waiting, **self._unsent}.items(), key=_turn))

    def _refuse(self, lane: Lane, stop: Stop, detail: str) -> None:
        asked = lane.done()
        allowed = asked.job.allowed
        stopped = Stopped(stop, sentence(stop, allowed, detail), asked.tries, allowed)
        stopped.save(asked.folder)
        self._found[asked.folder] = _refused(asked.job.receipt, stopped)


def _turn(one: tuple[Path, Asked]) -> tuple[bool, str, int]:
    """Large files, then the feeds in the order in which their assets will ask for them; of each the largest first."""
    receipt = one[1].job.receipt
    return receipt.bytes < LARGE, receipt.feed, -receipt.bytes


def _refused(receipt: Receipt, stopped: Stopped) -> Rows:
    rows = no_rows(receipt)
    return Rows(rows.delivery_id, rows.stream, rows.scope, rows.blinding, rejected=stopped.reason)


def _by_code(code: int) -> Stop:
    return _BY_SIGNAL.get(-code, "crash")


def _named(code: int) -> str:
    return signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"
