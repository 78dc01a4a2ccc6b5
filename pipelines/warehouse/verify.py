"""Whether a snapshot still is what was published: every digest computed again from the files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pipelines.warehouse.database import CLOSED
from pipelines.warehouse.digest import Canon, sha256_of, table_digest, tables_digest
from pipelines.warehouse.errors import reason
from pipelines.warehouse.fingerprint import rows_digests
from pipelines.warehouse.published import BLINDED, MANIFEST, UNBLINDED, UNBLINDED_MANIFEST
from pipelines.warehouse.quoting import identifier


def verify_snapshot(folder: Path, written: Mapping[str, Mapping[str, str]] = MappingProxyType({})) -> list[str]:
    """What differs from the manifests in the snapshot at `folder`, in sentences; empty when nothing does.

    `written` is said by the night that has just digested the rows and written them: by file and table their
    `rows_digest`. A table that has those very rows has their digest; of any other it is computed.
    """
    manifest = json.loads((folder / MANIFEST).read_bytes())
    hidden = json.loads((folder / UNBLINDED_MANIFEST).read_bytes())

    def of_file(name: str) -> list[str]:
        tables = (manifest if name == BLINDED else hidden)["files"][name]["tables"]
        return _file_differences(folder / name, manifest["files"][name], tables, written.get(name, {}))

    with ThreadPoolExecutor(2) as both:
        differences = [said for found in both.map(of_file, (BLINDED, UNBLINDED)) for said in found]
    digests = {name: entry["digest"] for name, entry in hidden["files"][UNBLINDED]["tables"].items()}
    if tables_digest(digests) != manifest["tables_digest"]:
        differences.append(f"{MANIFEST}: tables_digest is not that of the tables")
    return differences


def _file_differences(
    path: Path, expected: dict[str, Any], tables: dict[str, Any], written: Mapping[str, str]
) -> list[str]:
    import duckdb

    if not path.is_file():
        return [f"{path.name} is missing"]
    differences = []
    if sha256_of(path) != expected["sha256"]:
        differences.append(f"{path.name}: its bytes are not those that were published")
    try:
        con = duckdb.connect(str(path.resolve()), read_only=True, config=dict(CLOSED))
        try:
            return differences + _table_differences(con, path.name, tables, written)
        finally:
            con.close()
    except duckdb.Error as error:
        return [*differences, f"{path.name} cannot be read: {reason(error)}"]


def _table_differences(con: Any, file_name: str, tables: dict[str, Any], written: Mapping[str, str]) -> list[str]:
    found = con.execute(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables "
        "WHERE table_catalog = current_database()"
    ).fetchall()
    names = {name for (name,) in found}
    differences = [f"{file_name}: {name} was not published" for name in sorted(names - set(tables))]
    held = rows_digests(con, {name: identifier(name) for name in names & set(tables) & set(written)})
    for name, entry in tables.items():
        if name not in names:
            differences.append(f"{file_name}: {name} is missing")
        elif name in held and held[name] == written[name]:
            continue
        elif table_digest(con, Canon.from_dict(entry)) != entry["digest"]:
            differences.append(f"{file_name}: {name} has another digest than when it was published")
    return differences
