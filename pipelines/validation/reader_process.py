"""The pipeline's end of the process that reads deliveries: starting it, speaking with it, watching what it takes."""

from __future__ import annotations

import json
import os
import pickle
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipelines.validation.reading_job import Answer

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "pipelines.validation.reader_child")
PIECE = 1 << 16
PAGE = os.sysconf("SC_PAGE_SIZE")


class EndedError(Exception):
    """The process has ended. `code` as of subprocess: minus the signal, where one ended it."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the process that reads deliveries ended with {code}")
        self.code = code


def wait_for_any(processes: Iterable[ReaderProcess], seconds: float) -> None:
    """Until one of them says something or takes something in."""
    with selectors.DefaultSelector() as any_of_them:
        for process in processes:
            process.register(any_of_them)
        any_of_them.select(seconds)


class ReaderProcess:
    """A process that reads deliveries; `n_begun` counts those it has begun."""

    def __init__(self, command: Sequence[str]) -> None:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._asks, self._replies = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._asks, False)  # it reads nothing while it is at work
        os.set_blocking(self._replies, False)
        self._outgoing, self._incoming = bytearray(), b""
        self._answers: deque[Answer] = deque()
        self.n_begun = 0

    def send(self, *messages: Any) -> None:
        """Ask without waiting for it to be taken in."""
        for message in messages:
            self._outgoing += pickle.dumps(message)
        self._push()

    def answer(self) -> Answer | None:
        """What it says next; None where it has said nothing yet. Raises EndedError."""
        if not self._answers:
            self._push()
            self._pull()
        if not self._answers:
            return None
        answer = self._answers.popleft()
        self.n_begun += answer.state == "begun"
        return answer

    def resident_bytes(self) -> int:
        """Memory that it holds now; 0 where the system does not say."""
        try:
            return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * PAGE
        except (OSError, IndexError):
            return 0

    def kill(self) -> int:
        """End it at once; its code."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        return self._process.wait()

    def register(self, with_others: selectors.BaseSelector) -> None:
        """Have the selector wait for what it says, and for room where it has not taken in all that it was sent."""
        with_others.register(self._replies, selectors.EVENT_READ)
        if self._outgoing:
            with_others.register(self._asks, selectors.EVENT_WRITE)

    def _push(self) -> None:
        try:
            while self._outgoing:
                del self._outgoing[: os.write(self._asks, self._outgoing[:PIECE])]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._outgoing.clear()  # it has ended, as the other pipe will say

    def _pull(self) -> None:
        try:
            data = os.read(self._replies, PIECE)
        except BlockingIOError:
            return
        if not data:
            raise EndedError(self._process.wait())
        *lines, self._incoming = (self._incoming + data).split(b"\n")
        try:
            self._answers += [Answer(**json.loads(line)) for line in lines]
        except (ValueError, TypeError):  # whatever a file made of it: it is no longer to be trusted
            self.kill()
            raise EndedError(1) from None
