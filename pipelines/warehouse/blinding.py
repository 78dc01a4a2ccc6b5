"""The blinded file: built from nothing out of what is marked safe, and outcomes where they may be seen."""

from __future__ import annotations

import secrets
from typing import Literal

from pipelines import effects
from pipelines.warehouse.contents import Part, is_dictionary, whole
from pipelines.warehouse.dictionary import Dictionary, Table
from pipelines.warehouse.quoting import identifier, literal
from pipelines.workspace import Workspace

SeenBy = Literal["statistician", "nobody", "none"]

# The source of a blinded dictionary table in the build database, beside the whole one in `meta`.
BLINDED_SCHEMA = "blinded"


def blinding_key(workspace: Workspace) -> str:
    """The secret that orders the rows of blinded files; made once, never published."""
    path = workspace.keys / "blinding.key"
    if not path.exists():
        effects.make_directory(workspace.keys)
        effects.write(path, secrets.token_hex(32).encode())
    return path.read_text(encoding="ascii").strip()


def blinded_contents(dictionary: Dictionary, seen_by: SeenBy, key: str) -> list[Part]:
    """What of each published table the blinded file holds, its rows in the order of a keyed hash.

    `seen_by` says who may see outcomes: the blinded statistician, nobody (then baseline alone is left), or
    `none` for a study without blinding, where the file holds everything.
    """
    parts = []
    for table in dictionary.values():
        columns = _visible_columns(table, seen_by)
        if not table.published or not columns:
            continue
        if is_dictionary(table.table):
            parts.append(whole(table, table.table.replace("meta.", f"{BLINDED_SCHEMA}.")))
        else:
            parts.append(_part(table, columns, seen_by, key))
    return parts


def may_hold(mark: str, seen_by: SeenBy) -> bool:
    """Whether what is marked so may stand in the blinded file at all."""
    return mark == "safe" or seen_by == "none" or (mark == "outcome" and seen_by == "statistician")


def _visible_columns(table: Table, seen_by: SeenBy) -> list[str]:
    if not may_hold(table.blinding, seen_by):
        return []
    return [
        name
        for name, column in table.columns.items()
        if may_hold(column.blinding, seen_by) or (column.blinding == "outcome" and table.baseline_when)
    ]


def _part(table: Table, columns: list[str], seen_by: SeenBy, key: str) -> Part:
    selected = ", ".join(_expression(table, name, seen_by) for name in columns)
    source = identifier(table.table)
    if table.keep_when and seen_by != "none":
        source = f"(SELECT * FROM {source} WHERE {table.keep_when})"  # noqa: S608 (the dictionary's own text)
    parts = ", ".join(f"CAST(kept.{identifier(name)} AS VARCHAR)" for name in table.key)
    order = f"sha256(concat_ws('|', {literal(key)}, {parts}))"
    return Part(table, columns, f"SELECT {selected} FROM {source} AS kept", order)  # noqa: S608


def _expression(table: Table, name: str, seen_by: SeenBy) -> str:
    conditions = []
    if not may_hold(table.columns[name].blinding, seen_by):
        conditions.append(f"({table.baseline_when})")
    if table.mask and name in table.mask.columns and seen_by != "none":
        conditions.append(f"({table.mask.holds})")
    if not conditions:
        return f"kept.{identifier(name)}"
    return f"CASE WHEN {' AND '.join(conditions)} THEN kept.{identifier(name)} END AS {identifier(name)}"
