"""What lies in `landing/` now. Looking changes nothing there and follows no links."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.study.study import Study
from schemas.feeds import FEEDS

# Names that copying programs give to a file they have not finished, and what operating systems leave about.
UNFINISHED = (".part", ".partial", ".tmp", ".filepart", ".crdownload", ".swp", "~")


@dataclass(frozen=True)
class LyingFile:
    """A file in `landing/<site_id>/<feed>/`; `file_name` is its path below the feed's folder."""

    site_id: str
    feed: str
    file_name: str
    path: Path
    signature: tuple[int, int, int, int]  # size, mtime, ctime, inode: unchanged means not touched since

    @property
    def bytes(self) -> int:
        return self.signature[0]

    @property
    def changed_at(self) -> float:
        """Seconds since 1970 of the last change; ctime, which nobody can set back."""
        return self.signature[2] / 1e9


@dataclass
class Landing:
    """`files` that may be taken in, and what cannot be with the reason, both by path."""

    files: list[LyingFile] = field(default_factory=list)
    not_taken: dict[str, str] = field(default_factory=dict)


def scan(landing: Path, study: Study) -> Landing:
    """Every file below `landing`, in the order of their names."""
    found = Landing()
    for path in _walk(landing):
        place = path.relative_to(landing)
        reason = _reason_against(path, place.parts, study)
        if reason:
            found.not_taken[place.as_posix()] = reason
        else:
            site_id, feed, *rest = place.parts
            found.files.append(LyingFile(site_id, feed, "/".join(rest), path, signature(path)))
    return found


def signature(path: Path) -> tuple[int, int, int, int]:
    """Size, mtime, ctime and inode of a file."""
    now = path.lstat()
    return now.st_size, now.st_mtime_ns, now.st_ctime_ns, now.st_ino


def _walk(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path))
        else:
            yield Path(entry.path)


def _reason_against(path: Path, parts: tuple[str, ...], study: Study) -> str | None:
    if len(parts) < 3:
        return "lies outside <site>/<feed>/; move it to the folder of its site and feed"
    if parts[0] not in study.site_by_id:
        return f"`{parts[0]}` is no site of the study; the sites are {', '.join(study.site_by_id)}"
    if parts[1] not in FEEDS:
        return f"`{parts[1]}` is no feed; the feeds are {', '.join(FEEDS)}"
    if not stat.S_ISREG(path.lstat().st_mode):
        return "is not a plain file (a link or a device); drop the file itself"
    if any(part.startswith(".") for part in parts[2:]) or parts[-1].endswith(UNFINISHED):
        return "has the name of a hidden or unfinished file; rename it when it is complete"
    return None
