"""A snapshot: two databases and their manifests, written aside, verified, and published whole or not at all."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse.blinding import BLINDED_SCHEMA, blinded_contents, blinding_key, may_hold
from pipelines.warehouse.contents import (
    Part,
    dictionary_rows,
    is_dictionary,
    unblinded_contents,
)
from pipelines.warehouse.database import build_file, close_build, create_table, insert_rows, open_build, transaction
from pipelines.warehouse.dictionary import Dictionary, load_dictionary
from pipelines.warehouse.digest import (
    NOT_IN_TABLES_DIGEST,
    Canon,
    inputs_digest,
    sha256_of,
    table_digest,
    tables_digest,
)
from pipelines.warehouse.errors import WarehouseError, reason
from pipelines.warehouse.fresh_process import FreshProcess, fresh_process
from pipelines.warehouse.kept import known_rows, mark_whole
from pipelines.warehouse.last_files import LastFiles, Noted, Notes, last_files, made_of, note_files, rows_of, whole_file
from pipelines.warehouse.published import BLINDED, MANIFEST, UNBLINDED, UNBLINDED_MANIFEST, WRITING
from pipelines.warehouse.published_file import begin_file, finish_file
from pipelines.workspace import Workspace

LIBRARIES = (
    "dagster",
    "duckdb",
    "great-expectations",
    "pandas",
    "pandera",
    "polars",
    "pyarrow",
    "pyreadstat",
    "sqlglot",
)


@dataclass(frozen=True)
class Identity:
    """The row of `meta.snapshot`."""

    snapshot_id: str
    as_of: date
    built_at: datetime
    code_version: str
    study_digest: str
    inputs_digest: str
    tables_digest: str


@dataclass(frozen=True)
class Written:
    """A snapshot in its hidden folder, and by file and table the `rows_digest` of the rows that were to be written."""

    folder: Path
    rows: Mapping[str, Mapping[str, str]]


def write_snapshot(
    workspace: Workspace,
    protocol: Protocol,
    as_of: date,
    dictionary: Dictionary | None = None,
    now: datetime | None = None,
) -> Written:
    """Write both databases and the manifests from the build database.

    Raises WarehouseError.
    """
    import duckdb

    dictionary = dictionary or load_dictionary()
    spill = workspace.build / "spill"
    try:
        # The writers start while the digests are computed.
        with fresh_process(spill) as open_writer, fresh_process(spill) as blinded_writer, open_build(workspace) as con:
            writers = {UNBLINDED: open_writer, BLINDED: blinded_writer}
            written = _write(con, writers, workspace, protocol, as_of, dictionary, now or datetime.now(UTC))
        close_build(workspace)
        with suppress(OSError):  # what the next night cannot take over it makes anew
            mark_whole(workspace)
        return written
    except duckdb.Error as error:
        raise WarehouseError(f"the snapshot could not be written: {reason(error)}") from None
    finally:
        close_build(workspace)


def _write(
    con: Any,
    writers: dict[str, FreshProcess],
    workspace: Workspace,
    protocol: Protocol,
    as_of: date,
    dictionary: Dictionary,
    now: datetime,
) -> Written:
    seen_by = protocol.study.who_sees_outcomes
    unblinded = unblinded_contents(dictionary)
    blinded = blinded_contents(dictionary, seen_by, blinding_key(workspace))
    file = build_file(workspace)
    with transaction(con):
        _describe(con, "meta", unblinded, file)
        _describe(con, BLINDED_SCHEMA, blinded, file)

    last = last_files(con, workspace)
    digests: dict[str, str] = {}
    notes = {UNBLINDED: _notes(con, UNBLINDED, unblinded, last, digests)}
    total = tables_digest({name: noted.digest for name, noted in notes[UNBLINDED].items()})
    identity = _identity(con, workspace, protocol, as_of, now, total)
    _put_identity(con, dictionary, identity, file)

    folder = _new_folder(workspace, identity.snapshot_id)

    def begin(name: str, parts: Sequence[Part]) -> None:
        same = last.same(name, {table: noted.made_of for table, noted in notes[name].items()})
        begin_file(con, writers[name], workspace, folder / name, parts, same)

    begin(UNBLINDED, unblinded)  # its writer goes on while this process reads what the blinded may see
    notes[BLINDED] = _notes(con, BLINDED, blinded, last, digests)
    begin(BLINDED, blinded)
    rows = {name: {table: noted.rows for table, noted in tables.items()} for name, tables in notes.items()}
    tables = {name: _tables(con, parts, notes[name]) for name, parts in ((UNBLINDED, unblinded), (BLINDED, blinded))}
    for name, writer in writers.items():
        finish_file(writer, workspace, folder / name)
        notes[name] |= whole_file(folder / name)
    note_files(con, identity.snapshot_id, notes, file=file)

    deliveries = _deliveries(con)
    kept = [d for d in deliveries if may_hold(str(d["blinding"]), seen_by)]
    _write_manifest(folder, identity, {BLINDED: tables[BLINDED], UNBLINDED: None}, kept)
    # Apart, because with the digests of what is hidden a guess at the allocation could be confirmed.
    content = {"files": {UNBLINDED: {"tables": tables[UNBLINDED]}}, "deliveries": deliveries}
    _write_json(folder / UNBLINDED_MANIFEST, content)
    return Written(folder, rows)


def _describe(con: Any, schema: str, parts: Sequence[Part], file: Path) -> None:
    """Make the dictionary tables that describe `parts`, in a schema of the build database."""
    for part in parts:
        if is_dictionary(part.name):
            name = part.name.replace("meta.", f"{schema}.")
            create_table(con, name, part.table.types, file=file)
            insert_rows(con, name, dictionary_rows(part.table, parts), file=file)


def _notes(con: Any, file: str, parts: Iterable[Part], last: LastFiles, digests: dict[str, str]) -> dict[str, Noted]:
    """What each table is made of, and its digest: the last one's where that was made of the same, or that of the same
    rows in tonight's other file, in `digests`."""
    notes, known = {}, known_rows(con)
    for part in parts:
        if part.name != NOT_IN_TABLES_DIGEST:
            rows = rows_of(con, part, known)
            made, same = made_of(part, rows), repr((part.name, part.columns, rows))
            digests[same] = last.digest(file, part.name, made) or digests.get(same) or _digest(con, part)
            notes[part.name] = Noted(made, digests[same], rows)
    return notes


def _tables(con: Any, parts: Iterable[Part], notes: Notes) -> dict[str, dict[str, Any]]:
    """Table → how it is written as text, and the digest of that."""
    return {
        part.name: Canon.of(part.table, part.columns).as_dict()
        | {"digest": notes[part.name].digest if part.name in notes else _digest(con, part)}
        for part in parts
    }


def _digest(con: Any, part: Part) -> str:
    return table_digest(con, Canon.of(part.table, part.columns), f"({part.select}) AS part")


def _identity(con: Any, workspace: Workspace, protocol: Protocol, as_of: date, now: datetime, total: str) -> Identity:
    (code,) = con.execute("SELECT code_version FROM study.setting").fetchone()
    return Identity(
        snapshot_id=_unused_id(workspace, f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{total[:8]}"),
        as_of=as_of,
        built_at=now.replace(microsecond=0),
        code_version=code,
        study_digest=protocol.digest,
        inputs_digest=inputs_digest(con),
        tables_digest=total,
    )


def _unused_id(workspace: Workspace, wanted: str) -> str:
    taken, number, snapshot_id = workspace.snapshots, 1, wanted
    while (taken / snapshot_id).exists():
        number += 1
        snapshot_id = f"{wanted}-{number}"
    return snapshot_id


def _put_identity(con: Any, dictionary: Dictionary, identity: Identity, file: Path) -> None:
    table = dictionary[NOT_IN_TABLES_DIGEST]
    facts = asdict(identity)
    with transaction(con):
        create_table(con, table.table, table.types, file=file)
        insert_rows(con, table.table, [[facts[name] for name in table.columns]], file=file)


def _new_folder(workspace: Workspace, snapshot_id: str) -> Path:
    """The hidden folder of the new snapshot; what an interrupted night left is removed."""
    effects.make_directory(workspace.snapshots)
    for left in workspace.snapshots.glob(f".*{WRITING}"):
        effects.remove(left)
    return effects.make_directory(workspace.snapshots / f".{snapshot_id}{WRITING}")


def _deliveries(con: Any) -> list[dict[str, Any]]:
    rows = con.execute(
        "SELECT delivery_id, content_sha256, status, blinding FROM input.delivery ORDER BY delivery_id"
    ).fetchall()
    return [dict(zip(("delivery_id", "sha256", "status", "blinding"), row, strict=True)) for row in rows]


def _write_manifest(folder: Path, identity: Identity, tables: dict[str, Any], deliveries: list[dict[str, Any]]) -> None:
    files: dict[str, Any] = {}
    for name, digests in tables.items():
        files[name] = {"bytes": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)}
        if digests is not None:
            files[name]["tables"] = digests
    libraries = {"python": platform.python_version()} | {name: _version(name) for name in LIBRARIES}
    content = asdict(identity) | {"files": files, "libraries": libraries, "deliveries": deliveries}
    _write_json(folder / MANIFEST, content)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False, default=lambda value: value.isoformat())
    effects.write(path, text.encode())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
