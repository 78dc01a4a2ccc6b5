"""Every effect on disk, in one place, so that a test can make the n-th of them fail.

Nothing is announced before it is durable: bytes are fsynced before their rename, the folder after it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Watcher = Callable[[str, Path], None]
_watchers: list[Watcher] = []

PRIVATE_DIRECTORY = 0o700
PRIVATE_FILE = 0o600


@contextmanager
def watched(watcher: Watcher) -> Iterator[None]:
    """Call `watcher(kind, path)` before every effect; what it raises, the effect raises."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def _about_to(kind: str, path: Path) -> None:
    for watcher in _watchers:
        watcher(kind, path)


def make_directory(path: Path, mode: int = PRIVATE_DIRECTORY) -> Path:
    """The folder `path` and those above it; `mode` is given to each that had to be made."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    for folder in reversed(missing):
        _about_to("mkdir", folder)
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    return path


def write(path: Path, content: bytes, mode: int = PRIVATE_FILE, *, part: bool = False) -> Path:
    """Put `content` at `path` whole or not at all; as a `part` as `rename` does."""
    temporary = path.with_name(f".{path.name}.writing")
    _about_to("open", temporary)
    with temporary.open("wb") as file:
        _about_to("write", temporary)
        file.write(content)
        _sync(file.fileno(), temporary)
    temporary.chmod(mode)
    rename(temporary, path, part=part)
    return path


def copy(source: Path, target: Path, mode: int = PRIVATE_FILE, *, unchanged: Callable[[], bool] = lambda: True) -> Path:
    """Put a copy of `source` at `target` whole or not at all: not where it is no longer `unchanged` once copied."""
    temporary = target.with_name(f".{target.name}.writing")
    _about_to("open", temporary)
    _about_to("write", temporary)
    temporary.unlink(missing_ok=True)  # what a crash left may be read-only by now
    shutil.copyfile(source, temporary)  # which leaves it to the kernel: half of what it takes to pass the bytes through
    with temporary.open("rb") as file:
        _sync(file.fileno(), temporary)
    if not unchanged():
        remove(temporary)
        return target
    temporary.chmod(mode)
    rename(temporary, target)
    return target


def settle(path: Path, mode: int | None = None, group: str | None = None) -> Path:
    """Make a file or folder that a library wrote durable, and give it its mode and group."""
    if group is not None:
        _about_to("chown", path)
        shutil.chown(path, group=group)
    if mode is not None:
        _about_to("chmod", path)
        path.chmod(mode)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _sync(descriptor, path)
    finally:
        os.close(descriptor)
    return path


def rename(source: Path, target: Path, *, part: bool = False) -> None:
    """Move `source` over `target` in one step, durably; a `part` of what another file of the same folder, written
    after it, will say is complete, with that one."""
    _about_to("rename", target)
    source.replace(target)
    if not part:
        settle(target.parent)


def point(link: Path, target: str) -> None:
    """Make `link` a symbolic link to `target`, replacing it in one step."""
    temporary = link.with_name(f".{link.name}.linking")
    temporary.unlink(missing_ok=True)
    _about_to("symlink", temporary)
    temporary.symlink_to(target)
    rename(temporary, link)


def remove(path: Path) -> None:
    """Remove a file or a whole folder; nothing happens where there is none."""
    if not path.exists() and not path.is_symlink():
        return
    _about_to("remove", path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def append(path: Path, line: str) -> None:
    """Add one line to a log, durably."""
    _about_to("append", path)
    with path.open("a", encoding="utf-8") as file:
        file.write(line.rstrip("\n") + "\n")
        _sync(file.fileno(), path)


def execute(connection: Any, sql: str, parameters: Any = None, *, file: Path) -> Any:
    """Run a statement that changes the database `file`."""
    _about_to("sql", file)
    return connection.execute(sql, parameters) if parameters is not None else connection.execute(sql)


def _sync(descriptor: int, path: Path) -> None:
    _about_to("fsync", path)
    os.fsync(descriptor)
