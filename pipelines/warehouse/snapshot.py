"""A snapshot: two databases and their manifests, written aside, verified, and published whole or not at all."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse.at_once import Begin, at_once
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
from pipelines.warehouse.kept import keep_build, known_rows
from pipelines.warehouse.last_files import Held, LastFiles, Noted, Notes, last_files, note_files, rows_of, whole_file
from pipelines.warehouse.published import BLINDED, MANIFEST, UNBLINDED, UNBLINDED_MANIFEST, WRITING
from pipelines.warehouse.published_file import BegunFile, begin_file, copy_rows, finish_file, put_rows
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


Digests = dict[tuple[str, str], "str | Future[str]"]  # by file and table: known, or being computed


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
    *,
    keep: bool = True,
) -> Written:
    """Write both databases and the manifests from the build database, and close it: kept for the next night, unless
    somebody else will `keep_build`, for whom it stays open.

    Raises WarehouseError.
    """
    import duckdb

    dictionary, spill = dictionary or load_dictionary(), workspace.spill
    try:
        with fresh_process(spill) as open_writer, fresh_process(spill) as blinded_writer, open_build(workspace) as con:
            writers = {UNBLINDED: open_writer, BLINDED: blinded_writer}
            written = _write(con, writers, workspace, protocol, as_of, dictionary, now or datetime.now(UTC))
    except BaseException as error:
        close_build(workspace)
        if isinstance(error, duckdb.Error):
            raise WarehouseError(f"the snapshot could not be written: {reason(error)}") from None
        raise
    if keep:
        keep_build(workspace)
    return written


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
    contents = {  # the smaller first: it is whole the sooner
        BLINDED: blinded_contents(dictionary, seen_by, blinding_key(workspace)),
        UNBLINDED: unblinded_contents(dictionary),
    }
    file = build_file(workspace)
    with transaction(con):
        _describe(con, "meta", contents[UNBLINDED], file)
        _describe(con, BLINDED_SCHEMA, contents[BLINDED], file)

    last = last_files(con, workspace)
    held = {name: _held(con, parts) for name, parts in contents.items()}
    folder = _new_folder(workspace)
    with at_once(workspace) as begin:
        begun = {name: _begin(writers[name], workspace, folder / name, last, held[name]) for name in contents}
        copies = {name: _copies(begin, begun[name], parts) for name, parts in contents.items()}
        digests = _digests(begin, contents, held, last)
        for name, copied in copies.items():
            for part, made in copied:
                put_rows(begun[name], part, made.result())
        notes = {name: _notes(name, held[name], digests) for name in contents}
    identity = _identity(con, workspace, protocol, as_of, now, notes[UNBLINDED])
    _put_identity(con, dictionary, identity, file)
    for name, parts in contents.items():
        _finish(con, begun[name], parts)
        notes[name] |= whole_file(folder / name)
    note_files(con, identity.snapshot_id, notes, file=file)
    tables = {name: _tables(con, parts, notes[name]) for name, parts in contents.items()}
    _write_manifests(con, folder, identity, tables, protocol)
    rows = {name: {table: holds.rows for table, holds in of_file.items()} for name, of_file in held.items()}
    return Written(_named(folder, identity.snapshot_id), rows)


def _describe(con: Any, schema: str, parts: Sequence[Part], file: Path) -> None:
    """Make the dictionary tables that describe `parts`, in a schema of the build database."""
    for part in parts:
        if is_dictionary(part.name):
            name = part.name.replace("meta.", f"{schema}.")
            create_table(con, name, part.table.types, file=file)
            insert_rows(con, name, dictionary_rows(part.table, parts), file=file)


def _held(con: Any, parts: Iterable[Part]) -> dict[str, Held]:
    """What each table holds tonight, but for the one that tells of all the others."""
    known = known_rows(con)
    told = [part for part in parts if part.name != NOT_IN_TABLES_DIGEST]
    rows = rows_of(con, told, known)
    return {part.name: Held.of(part, rows[part.name]) for part in told}


def _begin(
    writer: FreshProcess, workspace: Workspace, path: Path, last: LastFiles, held: Mapping[str, Held]
) -> BegunFile:
    same = last.same(path.name, {table: holds.made_of for table, holds in held.items()})
    return begin_file(writer, workspace, path, same)


def _copies(begin: Begin, begun: BegunFile, parts: Iterable[Part]) -> list[tuple[Part, Future[Path]]]:
    """The rows of every table that is written, in the order in which they are; none where the last file has them."""
    written = [part for part in parts if begun.anew and part.name != NOT_IN_TABLES_DIGEST]
    return [(part, begin(partial(copy_rows, begun=begun, part=part))) for part in written]


def _finish(con: Any, begun: BegunFile, parts: Iterable[Part]) -> None:
    """Put the row in that tells of all others, and wait until the file is whole."""
    (identity,) = (part for part in parts if part.name == NOT_IN_TABLES_DIGEST)
    put_rows(begun, identity, copy_rows(con, begun, identity))
    finish_file(begun)


def _digests(
    begin: Begin, contents: Mapping[str, Sequence[Part]], held: Mapping[str, Mapping[str, Held]], last: LastFiles
) -> Digests:
    """The digest of each table of each file: the last one's where that was made of the same; the same rows in both
    files have one."""
    digests: Digests = {}
    running: dict[str, Future[str]] = {}
    for file, parts in contents.items():
        for part in parts:
            if part.name in held[file]:
                holds = held[file][part.name]
                same = repr((part.name, part.columns, holds.rows))
                known = last.digest(file, part.name, holds.made_of)
                if known is None and same not in running:
                    running[same] = begin(partial(_digest, part=part))
                digests[file, part.name] = known or running[same]
    return digests


def _notes(file: str, held: Mapping[str, Held], digests: Digests) -> dict[str, Noted]:
    """What is noted of each table of a file, when all its digests are there."""
    found = {name: digests[file, name] for name in held}
    return {
        name: Noted(held[name].made_of, digest if isinstance(digest, str) else digest.result())
        for name, digest in found.items()
    }


def _tables(con: Any, parts: Iterable[Part], notes: Notes) -> dict[str, dict[str, Any]]:
    """Table → how it is written as text, and the digest of that."""
    return {
        part.name: Canon.of(part.table, part.columns).as_dict()
        | {"digest": notes[part.name].digest if part.name in notes else _digest(con, part)}
        for part in parts
    }


def _digest(con: Any, part: Part) -> str:
    return table_digest(con, Canon.of(part.table, part.columns), f"({part.select}) AS part")


def _identity(
    con: Any, workspace: Workspace, protocol: Protocol, as_of: date, now: datetime, notes: Mapping[str, Noted]
) -> Identity:
    total = tables_digest({name: noted.digest for name, noted in notes.items()})
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


def _new_folder(workspace: Workspace) -> Path:
    """The hidden folder of the new snapshot, which has no name yet; what an interrupted night left is removed."""
    effects.make_directory(workspace.snapshots)
    for left in workspace.snapshots.glob(f".*{WRITING}"):
        effects.remove(left)
    return effects.make_directory(workspace.snapshots / f".tonight{WRITING}")


def _named(folder: Path, snapshot_id: str) -> Path:
    """The folder, still hidden, when it is known what it is called."""
    named = folder.with_name(f".{snapshot_id}{WRITING}")
    effects.rename(folder, named)
    return named


def _deliveries(con: Any) -> list[dict[str, Any]]:
    rows = con.execute(
        "SELECT delivery_id, content_sha256, status, blinding FROM input.delivery ORDER BY delivery_id"
    ).fetchall()
    return [dict(zip(("delivery_id", "sha256", "status", "blinding"), row, strict=True)) for row in rows]


def _write_manifests(
    con: Any, folder: Path, identity: Identity, tables: Mapping[str, dict[str, Any]], protocol: Protocol
) -> None:
    deliveries = _deliveries(con)
    kept = [d for d in deliveries if may_hold(str(d["blinding"]), protocol.study.who_sees_outcomes)]
    _write_manifest(folder, identity, {BLINDED: tables[BLINDED], UNBLINDED: None}, kept)
    # Apart, because with the digests of what is hidden a guess at the allocation could be confirmed.
    content = {"files": {UNBLINDED: {"tables": tables[UNBLINDED]}}, "deliveries": deliveries}
    _write_json(folder / UNBLINDED_MANIFEST, content)


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
