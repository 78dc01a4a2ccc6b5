"""A snapshot: two databases and their manifests, written aside, verified, and published whole or not at all."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse.blinding import BLINDED_SCHEMA, blinded_contents, blinding_key, may_hold
from pipelines.warehouse.contents import (
    Part,
    column_comment,
    dictionary_rows,
    is_dictionary,
    unblinded_contents,
)
from pipelines.warehouse.database import build_file, close_build, create_table, insert_rows, open_build
from pipelines.warehouse.dictionary import Dictionary, load_dictionary
from pipelines.warehouse.digest import NOT_IN_TABLES_DIGEST, Canon, inputs_digest, table_digest, tables_digest
from pipelines.warehouse.errors import WarehouseError, reason
from pipelines.warehouse.fresh_process import FreshProcess, fresh_process
from pipelines.warehouse.kept import mark_whole
from pipelines.warehouse.published import BLINDED, MANIFEST, UNBLINDED, UNBLINDED_MANIFEST, WRITING
from pipelines.warehouse.quoting import identifier, literal, parquet
from pipelines.workspace import Workspace

STORAGE_VERSION = "v1.0.0"  # what clients from DuckDB 1.0 on can open
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


def write_snapshot(
    workspace: Workspace,
    protocol: Protocol,
    as_of: date,
    dictionary: Dictionary | None = None,
    now: datetime | None = None,
) -> Path:
    """Write both databases and the manifests from the build database; returns their folder, still hidden.

    Raises WarehouseError.
    """
    import duckdb

    dictionary = dictionary or load_dictionary()
    spill = workspace.build / "spill"
    try:
        # The writers start while the digests are computed.
        with fresh_process(spill) as open_writer, fresh_process(spill) as blinded_writer, open_build(workspace) as con:
            writers = {UNBLINDED: open_writer, BLINDED: blinded_writer}
            folder = _write(con, writers, workspace, protocol, as_of, dictionary, now or datetime.now(UTC))
        close_build(workspace)
        with suppress(OSError):  # what the next night cannot take over it makes anew
            mark_whole(workspace)
        return folder
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
) -> Path:
    seen_by = protocol.study.who_sees_outcomes
    unblinded = unblinded_contents(dictionary)
    blinded = blinded_contents(dictionary, seen_by, blinding_key(workspace))
    file = build_file(workspace)
    _describe(con, "meta", unblinded, file)
    _describe(con, BLINDED_SCHEMA, blinded, file)

    digests = _digests(con, [part for part in unblinded if part.name != NOT_IN_TABLES_DIGEST])
    total = tables_digest({name: entry["digest"] for name, entry in digests.items()})
    identity = _identity(con, workspace, protocol, as_of, now, total)
    _put_identity(con, dictionary, identity, file)
    digests |= _digests(con, [part for part in unblinded if part.name == NOT_IN_TABLES_DIGEST])

    folder = _new_folder(workspace, identity.snapshot_id)
    for name, parts in ((UNBLINDED, unblinded), (BLINDED, blinded)):
        _write_database(con, writers[name], workspace, folder / name, parts)
    deliveries = _deliveries(con)
    kept = [d for d in deliveries if may_hold(str(d["blinding"]), seen_by)]
    _write_manifest(folder, identity, {BLINDED: _digests(con, blinded), UNBLINDED: None}, kept)
    # Apart, because with the digests of what is hidden a guess at the allocation could be confirmed.
    content = {"files": {UNBLINDED: {"tables": digests}}, "deliveries": deliveries}
    _write_json(folder / UNBLINDED_MANIFEST, content)
    return folder


def _describe(con: Any, schema: str, parts: Sequence[Part], file: Path) -> None:
    """Make the dictionary tables that describe `parts`, in a schema of the build database."""
    for part in parts:
        if is_dictionary(part.name):
            name = part.name.replace("meta.", f"{schema}.")
            create_table(con, name, part.table.types, file=file)
            insert_rows(con, name, dictionary_rows(part.table, parts), file=file)


def _digests(con: Any, parts: Iterable[Part]) -> dict[str, dict[str, Any]]:
    """Table → how it is written as text, and the digest of that."""
    found = {}
    for part in parts:
        canon = Canon.of(part.table, part.columns)
        found[part.name] = canon.as_dict() | {"digest": table_digest(con, canon, f"({part.select}) AS part")}
    return found


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
    create_table(con, table.table, table.types, file=file)
    insert_rows(con, table.table, [[facts[name] for name in table.columns]], file=file)


def _new_folder(workspace: Workspace, snapshot_id: str) -> Path:
    """The hidden folder of the new snapshot; what an interrupted night left is removed."""
    effects.make_directory(workspace.snapshots)
    for left in workspace.snapshots.glob(f".*{WRITING}"):
        effects.remove(left)
    return effects.make_directory(workspace.snapshots / f".{snapshot_id}{WRITING}")


def _write_database(con: Any, writer: FreshProcess, workspace: Workspace, path: Path, parts: Sequence[Part]) -> None:
    """Write `parts` to a new database by a process that sees nothing but them."""
    rows = effects.make_directory(workspace.build / path.stem)
    for part in parts:
        target = rows / f"{part.name}.parquet"
        copy = f"COPY ({part.select} ORDER BY {part.order}) TO {literal(str(target))} (FORMAT parquet)"
        effects.execute(con, copy, file=target)
    attach = f"ATTACH {literal(str(path))} AS published (STORAGE_VERSION '{STORAGE_VERSION}')"
    for statement in (attach, "USE published", "BEGIN"):
        effects.execute(writer, statement, file=path)
    for part in parts:
        effects.execute(writer, ";\n".join(_statements(part, rows / f"{part.name}.parquet")), file=path)
    for statement in ("COMMIT", "CHECKPOINT published", "USE memory", "DETACH published"):
        effects.execute(writer, statement, file=path)
    effects.remove(rows)


def _statements(part: Part, rows: Path) -> Iterable[str]:
    """What makes one table of a published file."""
    name, table = identifier(part.name), part.table
    columns = ", ".join(
        f"{identifier(column)} {table.columns[column].type}{' NOT NULL' if column in table.key else ''}"
        for column in part.columns
    )
    yield f"CREATE SCHEMA IF NOT EXISTS {identifier(table.layer)}"
    yield f"CREATE TABLE {name} ({columns})"
    yield f"INSERT INTO {name} SELECT * FROM {parquet([rows])}"  # noqa: S608
    yield f"COMMENT ON TABLE {name} IS {literal(table.description.strip())}"
    for column in part.columns:
        yield f"COMMENT ON COLUMN {name}.{identifier(column)} IS {literal(column_comment(table, column))}"


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


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
