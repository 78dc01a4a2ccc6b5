"""The files that were published last, so that a night that changes nothing in one makes its own out of it.

`kept.published`, in the build, says what each table of each file was made of and the digest it had then, and (under no
name) the digest of the file's bytes. A table that is made of the same has the same digest; a file in which all are the
same but the row that says which snapshot it is, is copied and given its own row. It is so only while that snapshot is
the current one and its file still has the bytes that were written. Whatever a file was made of, it is verified as any
other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipelines.warehouse.contents import Part
from pipelines.warehouse.database import create_table, insert_rows, transaction
from pipelines.warehouse.digest import NOT_IN_TABLES_DIGEST, sha256_of
from pipelines.warehouse.fingerprint import rows_digests
from pipelines.warehouse.published import current_snapshot
from pipelines.workspace import Workspace

_PUBLISHED = "kept.published"
_COLUMNS = {name: "VARCHAR" for name in ("snapshot_id", "file", "name", "made_of", "digest")}
_WHOLE = ""  # in place of a table's name


@dataclass(frozen=True)
class Noted:
    """What is noted of a table: what it was made of, and its digest."""

    made_of: str
    digest: str


@dataclass(frozen=True)
class Held:
    """What a table of a published file holds: the `rows_digest`, and `made_of`, a digest of that and of how the rows
    are selected."""

    made_of: str
    rows: str

    @staticmethod
    def of(part: Part, rows: str) -> Held:
        facts = [part.select, part.order, part.columns, rows]
        return Held(sha256(json.dumps(facts).encode()).hexdigest(), rows)


Notes = Mapping[str, Noted]  # by table; of the file itself under ""


@dataclass(frozen=True)
class LastFiles:
    """The files of the current snapshot in `folder`, by name, as far as the build knows what they were made of."""

    folder: Path
    notes: Mapping[str, Notes] = field(default_factory=dict)

    def digest(self, file: str, name: str, made_of: str) -> str | None:
        """The digest of a table that was made of the same."""
        noted = self.notes.get(file, {}).get(name)
        return noted.digest if noted is not None and noted.made_of == made_of else None

    def same(self, file: str, made_of: Mapping[str, str]) -> Path | None:
        """The file, where tonight's tables are those of it, all but the one row, and nobody has touched it."""
        noted, path = self.notes.get(file, {}), self.folder / file
        before = {name: note.made_of for name, note in noted.items() if name not in (_WHOLE, NOT_IN_TABLES_DIGEST)}
        now = {name: made for name, made in made_of.items() if name != NOT_IN_TABLES_DIGEST}
        unchanged = bool(noted) and before == now and path.is_file()
        return path if unchanged and sha256_of(path) == noted[_WHOLE].digest else None


def last_files(con: Any, workspace: Workspace) -> LastFiles:
    """What the build says of the files of the current snapshot; of another's, nothing."""
    current = current_snapshot(workspace)
    folder = workspace.snapshots / (current or "none")
    there = con.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_catalog = current_database() "
        "AND table_schema || '.' || table_name = $name",
        {"name": _PUBLISHED},
    ).fetchall()
    if current is None or not there:
        return LastFiles(folder)
    notes: dict[str, dict[str, Noted]] = {}
    for file, name, made_of, digest in con.execute(
        f"SELECT file, name, made_of, digest FROM {_PUBLISHED} WHERE snapshot_id = $id",  # noqa: S608
        {"id": current},
    ).fetchall():
        notes.setdefault(file, {})[name] = Noted(made_of, digest)
    return LastFiles(folder, notes)


def note_files(con: Any, snapshot_id: str, notes: Mapping[str, Notes], *, file: Path) -> None:
    """Write down what the files of a snapshot were made of, in place of those before."""
    rows: Iterable[Sequence[str]] = (
        (snapshot_id, name, table, noted.made_of, noted.digest)
        for name, tables in notes.items()
        for table, noted in tables.items()
    )
    with transaction(con):
        create_table(con, _PUBLISHED, _COLUMNS, file=file)
        insert_rows(con, _PUBLISHED, rows, file=file)


def whole_file(path: Path) -> Notes:
    """The note of a file's bytes."""
    return {_WHOLE: Noted("", sha256_of(path))}


def rows_of(con: Any, parts: Sequence[Part], known: Mapping[str, str]) -> dict[str, str]:
    """By name the `rows_digest` of what each table of a published file holds; `known` are those of the build."""
    whole = {part.name: known[part.whole] for part in parts if part.whole is not None and part.whole in known}
    return whole | rows_digests(con, {part.name: f"({part.select})" for part in parts if part.name not in whole})
