"""Take in what has arrived: copy the bytes into the store, then write the receipt that makes it a delivery.

`landing/` itself is only read. A crash between the two steps leaves bytes that nobody refers to, and the
next night finishes the work; a receipt is never written before its bytes are durable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from threading import Lock
from typing import Any

from pipelines import effects
from pipelines.landing.manifest import SUFFIX, Manifest, ManifestError, parse
from pipelines.landing.receipt import Receipt, load_receipts
from pipelines.landing.scan import Landing, LyingFile, scan, signature
from pipelines.study.study import Site, Study
from pipelines.workspace import Workspace

OWNER_READS = 0o400
AT_ONCE = 8  # drops that are taken in side by side: most of the time is waiting for the disk


@dataclass
class Received:
    """What one look at a site's landing folder came to. `waiting` maps files to why they do not count yet."""

    receipts: list[Receipt] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Drop:
    """A file alone, or the files that one manifest speaks for; `complaint` when they do not agree."""

    files: list[LyingFile]
    manifest_file: LyingFile | None = None
    manifest: Manifest | None = None
    complaint: str | None = None


def receive(
    workspace: Workspace,
    site: Site,
    landing: Landing,
    settle_seconds: int,
    now: datetime,
    received: Received | None = None,
) -> Received:
    """Take in the site's new drops. All that one look finds is received at the same moment, `now`.

    Where `received` is given, it is filled as the look goes on: what it holds is in the store, even if the look fails.
    """
    memory = _Memory.load(workspace, site.site)
    received = received if received is not None else Received()
    mine = [f for f in landing.files if f.site_id == site.site]
    drops = [drop for drop in _drops(mine, memory) if not _is_known(drop, memory)]
    taken = [Received() for _ in drops]
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="receive") as pool:
        looks = [
            pool.submit(_receive_drop, workspace, site, drop, memory, settle_seconds, now, of_drop)
            for drop, of_drop in zip(drops, taken, strict=True)
        ]
    _add_up(workspace, taken, received)
    for look in looks:
        look.result()  # raises what came in the way
    memory.save()
    return received


def _add_up(workspace: Workspace, taken: list[Received], received: Received) -> None:
    """What came of each drop, in their order; the receipts last once their folder does."""
    for of_drop in taken:
        received.receipts += of_drop.receipts
        received.waiting |= of_drop.waiting
    if received.receipts:
        effects.settle(workspace.receipts)


def has_news(workspace: Workspace, site: Site, landing: Landing, settle_seconds: int) -> bool:
    """Whether a look at the site's folder now would find a drop that counts. Nothing is written."""
    return any(_news_of(workspace, site, landing, settle_seconds))


def news(workspace: Workspace, study: Study, settle_seconds: int | None = None) -> list[LyingFile]:
    """What such a look at every site's would take in; without `settle_seconds` as the study file says."""
    settle = study.deliveries.settle_seconds if settle_seconds is None else settle_seconds
    landing = scan(workspace.landing, study)
    return [file for site in study.sites for drop in _news_of(workspace, site, landing, settle) for file in drop.files]


def _news_of(workspace: Workspace, site: Site, landing: Landing, settle_seconds: int) -> Iterator[_Drop]:
    memory = _Memory.load(workspace, site.site)
    drops = _drops([f for f in landing.files if f.site_id == site.site], memory)
    ready = (drop for drop in drops if _seconds_left(drop, settle_seconds) <= 0)
    return (drop for drop in ready if not _is_known(drop, memory))


def _is_known(drop: _Drop, memory: _Memory) -> bool:
    if not all(memory.has_met(file) for file in drop.files):
        return False  # which need not be read to know that
    fingerprint = _fingerprint(drop, memory)
    return all(memory.is_known(file, fingerprint) for file in drop.files)


def _seconds_left(drop: _Drop, settle_seconds: int) -> float:
    """How long the drop must still stand still; a manifest speaks for its files at once."""
    if drop.manifest_file is not None:
        return 0
    return settle_seconds - (datetime.now(UTC).timestamp() - drop.files[0].changed_at)


def _receive_drop(
    workspace: Workspace,
    site: Site,
    drop: _Drop,
    memory: _Memory,
    settle_seconds: int,
    now: datetime,
    received: Received,
) -> None:
    left = _seconds_left(drop, settle_seconds)
    if left > 0:
        why = f"changed too recently; counts in {left:.0f} s, or with a manifest"
        received.waiting[_place(drop.files[0])] = why
        return
    fingerprint = _fingerprint(drop, memory)
    stored = [f for f in drop.files if _store(workspace, f, memory)]
    if len(stored) < len(drop.files):
        received.waiting.update({_place(f): "was still changing while it was read" for f in drop.files})
        return
    if drop.manifest_file is not None:
        _store(workspace, drop.manifest_file, memory)
    for file in (f for f in drop.files if not memory.is_known(f, fingerprint)):
        receipt = _receipt(site, drop, file, memory.sha256(file), fingerprint, now)
        receipt.save(effects.make_directory(workspace.receipts), part=True)
        received.receipts.append(receipt)


def _drops(files: list[LyingFile], memory: _Memory) -> list[_Drop]:
    """The site's files grouped into drops: with its manifest where there is one, else alone."""
    by_place = {_place(file): file for file in files}
    drops: list[_Drop] = []
    spoken_for: set[str] = set()
    for manifest_file in (f for f in files if f.file_name.endswith(SUFFIX)):
        drop = _manifest_drop(manifest_file, by_place, memory)
        spoken_for |= {_place(f) for f in drop.files} | {_place(manifest_file)}
        drops.append(drop)
    drops += [_Drop([file]) for place, file in by_place.items() if place not in spoken_for]
    return drops


def _manifest_drop(manifest_file: LyingFile, by_place: dict[str, LyingFile], memory: _Memory) -> _Drop:
    """The drop that a manifest speaks for, with the first thing in it that does not match."""
    beside = _place(manifest_file).rpartition("/")[0]
    subject = Path(manifest_file.file_name).name.removesuffix(SUFFIX)
    manifest, complaint = _read(manifest_file.path)
    names = [subject, *([f.name for f in manifest.files] if manifest else [])]
    lying = {name: by_place[place] for name in names if (place := f"{beside}/{name}") in by_place}
    files = list(lying.values()) or [manifest_file]
    if manifest is not None:
        complaint = _mismatch(manifest, subject, lying, memory, manifest_file.site_id)
    return _Drop(files, manifest_file, manifest, complaint)


def _read(path: Path) -> tuple[Manifest | None, str | None]:
    """The manifest, or what is wrong in it."""
    try:
        return parse(path.read_bytes()), None
    except ManifestError as error:
        return None, str(error)


def _mismatch(
    manifest: Manifest, subject: str, lying: dict[str, LyingFile], memory: _Memory, site_id: str
) -> str | None:
    if manifest.site not in (None, site_id):
        return f"its manifest names another site than {site_id}"
    if subject not in {entry.name for entry in manifest.files}:
        return f"its manifest does not list {subject}"
    for entry in manifest.files:
        file = lying.get(entry.name)
        if file is None:
            return f"its manifest lists {entry.name}, which is not there"
        if file.bytes != entry.bytes:
            return f"its manifest says {entry.name} has {entry.bytes} bytes; it has {file.bytes}"
        if memory.sha256(file) != entry.sha256.lower():
            return f"its manifest's sha256 of {entry.name} is not that of the file"
    return None


def _receipt(site: Site, drop: _Drop, file: LyingFile, content: str, fingerprint: str, now: datetime) -> Receipt:
    manifest = drop.manifest
    place = (manifest.place(site.zone) if manifest else None) or now
    entry = next((e for e in manifest.files if e.name == Path(file.file_name).name), None) if manifest else None
    identity = (site.site, file.feed, file.file_name, content, place.astimezone(UTC).isoformat(), fingerprint)
    return Receipt(
        delivery_id=sha256("\n".join(identity).encode()).hexdigest()[:16],
        site_id=site.site,
        feed=file.feed,
        file_name=file.file_name,
        content_sha256=content,
        bytes=file.bytes,
        received_at=now,
        place=place.astimezone(UTC),
        drop=fingerprint,
        has_manifest=drop.manifest_file is not None,
        scope=manifest.scope if manifest else None,
        rows=entry.rows if entry else None,
        rejected=drop.complaint,
    )


def _store(workspace: Workspace, file: LyingFile, memory: _Memory) -> bool:
    """Copy the file's bytes into the store. False when it changed meanwhile; then the store has no copy of it either,
    which might not be what it is called by."""
    content = memory.sha256(file)
    target = workspace.original(content)

    def unchanged() -> bool:
        return signature(file.path) == file.signature

    with memory.storing.setdefault(content, Lock()):  # another file may hold the same
        if not target.exists():
            effects.make_directory(target.parent)
            effects.copy(file.path, target, OWNER_READS, unchanged=unchanged)
    return unchanged()


def _fingerprint(drop: _Drop, memory: _Memory) -> str:
    if drop.manifest_file is None:
        return memory.sha256(drop.files[0])
    parts = [f"{file.file_name}:{memory.sha256(file)}" for file in (drop.manifest_file, *drop.files)]
    return sha256("\n".join(sorted(parts)).encode()).hexdigest()


def _place(file: LyingFile) -> str:
    return f"{file.feed}/{file.file_name}"


@dataclass
class _Memory:
    """What earlier looks at a site's folder left behind, apart from the receipts.

    `hashes` spares reading a file again that nobody touched. `gone` names the delivery that was the last
    of a path when the path was seen to be empty: the same bytes there are then a new arrival. Losing
    this file costs time, and takes such an arrival for a file that was lying there all along.
    """

    path: Path
    hashes: dict[str, Any]
    gone: dict[str, str]
    latest: dict[str, Receipt]  # by path, the receipt written last
    storing: dict[str, Lock] = field(default_factory=dict)  # by content, while it is copied

    @classmethod
    def load(cls, workspace: Workspace, site_id: str) -> _Memory:
        path = workspace.store / "seen" / f"{site_id}.json"
        kept = json.loads(path.read_bytes()) if path.exists() else {}
        receipts = [r for r in load_receipts(workspace.receipts) if r.site_id == site_id]
        latest = {f"{r.feed}/{r.file_name}": r for r in sorted(receipts, key=lambda r: r.received_at)}
        memory = cls(path, kept.get("hashes", {}), kept.get("gone", {}), latest)
        memory._notice_absences(workspace.landing / site_id)
        return memory

    def _notice_absences(self, folder: Path) -> None:
        for place, receipt in self.latest.items():
            if not (folder / place).exists():
                self.gone[place] = receipt.delivery_id
                self.hashes.pop(place, None)

    def sha256(self, file: LyingFile) -> str:
        """The file's content hash; read again only when its signature changed."""
        place = _place(file)
        if self.hashes.get(place, [None])[0] != list(file.signature):
            with file.path.open("rb") as stream:
                self.hashes[place] = [list(file.signature), file_digest(stream, "sha256").hexdigest()]
        return str(self.hashes[place][1])

    def has_met(self, file: LyingFile) -> bool:
        """Whether any file of its name has a receipt."""
        return _place(file) in self.latest

    def is_known(self, file: LyingFile, fingerprint: str) -> bool:
        """Whether this very drop of the file has a receipt and has been lying there since."""
        last = self.latest.get(_place(file))
        return last is not None and last.drop == fingerprint and self.gone.get(_place(file)) != last.delivery_id

    def save(self) -> None:
        text = json.dumps({"hashes": self.hashes, "gone": self.gone}, ensure_ascii=False)
        if not self.path.exists() or self.path.read_text(encoding="utf-8") != text:
            effects.make_directory(self.path.parent)
            effects.write(self.path, text.encode())
