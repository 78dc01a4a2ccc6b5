"""The digest of a large file, found in a thread beside other work."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from pipelines.warehouse.digest import sha256_of

State = tuple[int, ...]
_begun: dict[Path, tuple[State, Future[str]]] = {}


def begin_digest(file: Path) -> None:
    """Begin to read a file that will not be written to until `digest_of` is asked; nothing happens where there is
    none."""
    if not file.exists():
        return
    thread = ThreadPoolExecutor(1, "digest")
    _begun[file] = _state(file), thread.submit(sha256_of, file)
    thread.shutdown(wait=False)


def digest_of(file: Path) -> str:
    """The digest of a file's bytes: the one that was begun, where the file is still the one that it was then."""
    state, found = _begun.pop(file, (None, None))
    if found is not None:
        digest = found.result()
        if state == _state(file):
            return digest
    return sha256_of(file)


def _state(file: Path) -> State:
    stat = file.stat()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
