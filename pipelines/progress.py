"""Where a long command stands: one moving line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.status import Status


class Progress:
    """Say what happens now; `with Progress() as progress: progress.say("Reading")`."""

    def __init__(self) -> None:
        self._status = _moving_line() if sys.stderr.isatty() else None
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        if self._status:
            self._status.stop()

    def say(self, what: str) -> None:
        elapsed = time.monotonic() - self._began
        if self._status:
            self._status.update(f"{what} [dim]{elapsed:.0f} s[/dim]")
        else:
            click.echo(f"{elapsed:6.1f} s  {what}", err=True)


def _moving_line() -> Status | None:
    from rich.console import Console

    console = Console(stderr=True)
    return console.status("") if console.is_terminal else None
