"""A disk that is full from some moment on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines import effects


@contextmanager
def full_disk(left: int) -> Iterator[None]:
    """After so many effects every further one fails, and with it what is done here."""

    def full(_kind: str, path: Path) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device", str(path))

    with effects.watched(full), suppress(OSError):
        yield
