"""The receipt of one delivery: an input like the bytes, kept with them and reused by every rebuild."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pipelines import effects


@dataclass(frozen=True)
class Receipt:
    """Which bytes, from whom, when, and what its manifest said.

    `place` is the delivery's place in its feed's sequence (UTC): the manifest's `period_end`, where a date
    means the end of that day at the site, else `received_at`. `drop` identifies the drop it came in:
    the file alone, or the file with its manifest. `rejected` says why the drop was refused on receipt.
    """

    delivery_id: str
    site_id: str
    feed: str
    file_name: str
    content_sha256: str
    bytes: int
    received_at: datetime
    place: datetime
    drop: str
    has_manifest: bool = False
    scope: Literal["full", "incremental"] | None = None
    rows: int | None = None
    rejected: str | None = None

    def save(self, folder: Path, *, part: bool = False) -> None:
        """As a `part`, it is durable once the folder is."""
        text = json.dumps(asdict(self), default=datetime.isoformat, ensure_ascii=False, indent=1, sort_keys=True)
        effects.write(folder / f"{self.delivery_id}.json", text.encode(), part=part)


def load_receipts(folder: Path) -> list[Receipt]:
    """Every receipt in `folder`, in an order that does not depend on the file system."""
    return sorted(
        (_load(entry.path, _signature(entry)) for entry in _written(folder)),
        key=lambda r: (r.place, r.received_at, r.site_id, r.feed, r.file_name, r.delivery_id),
    )


def _written(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [entry for entry in entries if entry.name.endswith(".json")]


def _signature(entry: os.DirEntry[str]) -> tuple[int, int, int]:
    now = entry.stat()
    return now.st_mtime_ns, now.st_size, now.st_ino


@lru_cache(maxsize=100_000)
def _load(path: str, _: tuple[int, int, int]) -> Receipt:
    """Read once, as it is never changed: a night asks for all receipts a dozen times."""
    fields = json.loads(Path(path).read_bytes())
    for name in ("received_at", "place"):
        fields[name] = datetime.fromisoformat(fields[name])
    return Receipt(**fields)
