"""A process of one of our own modules, which loads for seconds beside other work and then answers one question."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import NoReturn, TextIO

ROOT = Path(__file__).parents[1]


@dataclass
class Block:
    """A block of `may_load`: the process that was begun in it, and the one question that it has been asked."""

    process: subprocess.Popen[str] | None = None
    question: str | None = None
    is_answered: bool = False


@dataclass(frozen=True)
class LoadedAhead:
    """`module` is run as a program, which reads a question from its standard input to the end, and writes its answer;
    without a question it writes none. It is waited for `patience` seconds."""

    module: str
    patience: float
    blocks: list[Block] = field(default_factory=list)
    _turn: Lock = field(default_factory=Lock)

    @contextmanager
    def may_load(self) -> Iterator[None]:
        """Within the block `load` begins to load it; at its end nothing is left of it."""
        block = Block()
        self.blocks.append(block)
        try:
            yield
        finally:
            self.blocks.remove(block)
            if block.process is not None:
                block.process.kill()
                block.process.communicate()

    def load(self) -> None:
        """It will be needed: begin to load, where that is not done yet and somebody will end it."""
        with self._turn:
            if not self.blocks or self.blocks[-1].process is not None:
                return
            paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
            self.blocks[-1].process = subprocess.Popen(  # noqa: S603 (our own interpreter and module)
                [sys.executable, "-m", self.module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )

    @property
    def waits(self) -> bool:
        """Whether it is loading, or has loaded, and was asked nothing yet."""
        return bool(self.blocks) and self.blocks[-1].process is not None and self.blocks[-1].question is None

    def ask(self, question: str) -> None:
        """Have it begin with what it will be asked; nothing where it is not loading, or was asked something before."""
        if not self.waits:
            return
        block = self.blocks[-1]
        block.question = question
        assert block.process is not None
        asks, block.process.stdin = block.process.stdin, None
        assert asks is not None
        with suppress(OSError), asks:  # one that has ended will not answer
            asks.write(question)

    def answer(self, question: str) -> str | None:
        """What it says; None where it is not loading, was asked something else, or has ended without an answer.

        Raises TimeoutExpired.
        """
        self.ask(question)
        block = self.blocks[-1] if self.blocks else Block()
        if block.process is None or block.question != question or block.is_answered:
            return None
        block.is_answered = True
        said, _ = block.process.communicate(timeout=self.patience)
        return said or None


def leave(answer: str, to: TextIO) -> NoReturn:
    """Say `answer`, and end this process at once: to take down all that it has loaded takes a tenth of its time, in
    which its asker waits."""
    to.write(answer)
    to.flush()
    os._exit(0)
