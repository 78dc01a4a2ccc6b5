"""Digests of tables: sha256 over the rows in key order, as text that is the same wherever it is computed.

A table's text is one line for its columns, then one line a row. A cell is the value in double quotes, a quote
inside doubled, cells joined by commas; a missing value is an empty cell without quotes. Dates are ISO 8601,
times ISO 8601 in UTC with microseconds and Z, DOUBLE the shortest text that reads back as the same number
(Python's repr), 0.0 for both zeros. Columns marked volatile are left out.

>>> import hashlib
>>> hashlib.sha256(b'"usubjid VARCHAR","aval DOUBLE"\\n"s-1","2.5"\\n"s-2",\\n').hexdigest()[:8]
'86ca2f91'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import file_digest, sha256
from itertools import chain
from pathlib import Path
from typing import Any

from pipelines.warehouse.dictionary import Table
from pipelines.warehouse.inputs import ACKNOWLEDGEMENT, ANSWER, DELIVERY
from pipelines.warehouse.quoting import identifier, identifiers

ROWS_AT_ONCE = 5_000
NOT_IN_TABLES_DIGEST = "meta.snapshot"  # holds the digest itself


@dataclass(frozen=True)
class Canon:
    """How a table is written as text: the columns that count with their types, and the order of the rows."""

    table: str
    columns: dict[str, str]
    order: list[str]

    @staticmethod
    def of(table: Table, kept: Iterable[str] | None = None) -> Canon:
        """The canon of `table`, or of those of its columns that are `kept`."""
        names = list(table.columns) if kept is None else list(kept)
        columns = {name: kind for name, kind in table.types.items() if name in names}
        columns = {name: kind for name, kind in columns.items() if not table.columns[name].volatile}
        order = [name for name in table.key if name in columns]
        if order != table.key:  # a volatile key says nothing about the order; the other columns do
            order += [name for name in columns if name not in order]
        return Canon(table.table, columns, order)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(entry: Mapping[str, Any]) -> Canon:
        return Canon(entry["table"], entry["columns"], entry["order"])


def table_digest(con: Any, canon: Canon, relation: str | None = None) -> str:
    """The digest of a table, or of `relation`, a FROM item with the same columns."""
    digest = sha256()
    header = ",".join(_quoted(f"{name} {kind}") for name, kind in canon.columns.items())
    digest.update(f"{header}\n".encode())
    order = f" ORDER BY {identifiers(canon.order)}" if canon.order else ""
    rows = con.execute(
        f"SELECT concat({row_text(canon.columns)}, chr(10)) FROM {relation or identifier(canon.table)}{order}"  # noqa: S608
    )
    while batch := rows.fetchmany(ROWS_AT_ONCE):
        digest.update("".join(chain.from_iterable(batch)).encode())
    return digest.hexdigest()


def tables_digest(digests: Mapping[str, str]) -> str:
    """One digest for a set of tables, whatever order they come in."""
    lines = [f"{name} {digests[name]}\n" for name in sorted(digests) if name != NOT_IN_TABLES_DIGEST]
    return sha256("".join(lines).encode()).hexdigest()


def inputs_digest(con: Any) -> str:
    """The digest of what was delivered (every receipt's identity, content and place in the sequence), of what was
    decided on it, of what was answered, and of the alerts that were acknowledged."""
    columns = ("delivery_id", "content_sha256", "site_id", "feed", "file_name", "place", "decision")
    types = {name: DELIVERY[name] for name in columns}
    delivered = table_digest(con, Canon("input.delivery", types, ["delivery_id"]))
    answered = table_digest(con, Canon("input.answer", ANSWER, ["answer_id"]))
    acknowledged = table_digest(con, Canon("input.acknowledgement", ACKNOWLEDGEMENT, ["acknowledgement_id"]))
    digests = {"input.delivery": delivered, "input.answer": answered, "input.acknowledgement": acknowledged}
    return tables_digest(digests)


def sha256_of(path: Path) -> str:
    """The digest of a file's bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def row_text(columns: Mapping[str, str]) -> str:
    cells = ", ".join(_cell(identifier(name), kind) for name, kind in columns.items())
    return f"concat_ws(',', {cells})"


def _cell(column: str, kind: str) -> str:
    text = f"CAST({column} AS VARCHAR)"
    if kind == "VARCHAR":
        text = f"replace({column}, '\"', '\"\"')"
    elif kind == "TIMESTAMPTZ":
        text = f"strftime(make_timestamp(epoch_us({column})), '%Y-%m-%dT%H:%M:%S.%fZ')"
    elif kind == "DOUBLE":
        text = f"CASE WHEN isnan({column}) THEN 'nan' WHEN {column} = 0 THEN '0.0' ELSE {text} END"
    return f"coalesce('\"' || {text} || '\"', '')"
