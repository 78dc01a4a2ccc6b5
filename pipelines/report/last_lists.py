"""The site lists that were written last, so that a list that is made of the same is not made again.

`store/history/lists/<site>.json` says what a site's last list was made of, where it lies and what its files held, but
for the snapshot that its page names. A list is taken over only while its files still hold that.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from pipelines import effects
from pipelines.quality.history import folder_of
from pipelines.report.packs import SITE_LISTS
from pipelines.workspace import Workspace

PAGE, TABLE = "queries.html", "queries.csv"


@dataclass(frozen=True)
class SiteList:
    """A site's list as it is written: as a page, which names its snapshot, and as CSV, which does not."""

    page: bytes
    table: bytes

    def content(self, snapshot_id: str) -> str:
        """A digest of what it says, whichever snapshot it names."""
        before, _, after = self.page.partition(snapshot_id.encode())
        return _digest(*(sha256(part).hexdigest() for part in (before, after, self.table)))

    def of(self, was: str, now: str) -> SiteList:
        """The same list, which names the snapshot `now` instead of `was`."""
        return SiteList(self.page.replace(was.encode(), now.encode(), 1), self.table)


@dataclass(frozen=True)
class _Noted:
    """What a list was made of, and what it says."""

    made_of: str
    snapshot_id: str
    content: str


def list_folder(workspace: Workspace, snapshot_id: str, site: str) -> Path:
    return workspace.reports / snapshot_id / SITE_LISTS / site


def made_of(*facts: str) -> str:
    """A digest of all that a list is made of."""
    return _digest(*facts)


def last_list(workspace: Workspace, site: str, made: str, snapshot_id: str) -> SiteList | None:
    """The site's last list, naming this snapshot, where it was made of the same; None where it was not, or is not as
    it was written."""
    try:
        noted = _Noted(**json.loads(_note(workspace, site).read_bytes()))
        if noted.made_of != made:
            return None
        folder = list_folder(workspace, noted.snapshot_id, site)
        was = SiteList(*((folder / name).read_bytes() for name in (PAGE, TABLE)))
    except (OSError, ValueError, TypeError):
        return None
    return was.of(noted.snapshot_id, snapshot_id) if was.content(noted.snapshot_id) == noted.content else None


def note_list(workspace: Workspace, site: str, made: str, snapshot_id: str, written: SiteList) -> None:
    """Write down what the list of a snapshot was made of, in place of the one before."""
    note = _note(workspace, site)
    effects.make_directory(note.parent)
    effects.write(note, json.dumps(asdict(_Noted(made, snapshot_id, written.content(snapshot_id)))).encode())


def _note(workspace: Workspace, site: str) -> Path:
    return folder_of(workspace) / "lists" / f"{site}.json"


def _digest(*facts: str) -> str:
    return sha256(json.dumps(facts).encode()).hexdigest()
