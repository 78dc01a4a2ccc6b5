"""What a published file holds of each table: which columns, which rows, in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.warehouse.dictionary import Dictionary, Table
from pipelines.warehouse.quoting import identifier, identifiers

TABLE_DICTIONARY = "meta.table_dictionary"
COLUMN_DICTIONARY = "meta.column_dictionary"
_DICTIONARIES = (TABLE_DICTIONARY, COLUMN_DICTIONARY)


@dataclass(frozen=True)
class Part:
    """One table of a published file.

    `select` is the query over the build database that gives `columns`; `order` its ORDER BY expressions. `whole` is
    the build's table of which it gives everything; None where it leaves anything out.
    """

    table: Table
    columns: list[str]
    select: str
    order: str
    whole: str | None = None

    @property
    def name(self) -> str:
        return self.table.table

    @property
    def key(self) -> list[str]:
        return [name for name in self.table.key if name in self.columns]


def unblinded_contents(dictionary: Dictionary) -> list[Part]:
    """Every published table, whole, in key order."""
    return [whole(table, table.table) for table in dictionary.values() if table.published]


def whole(table: Table, source: str) -> Part:
    """All of the build's table `source`, which has the columns of `table`, in key order."""
    columns = list(table.columns)
    select = f"SELECT {identifiers(columns)} FROM {identifier(source)}"  # noqa: S608
    return Part(table, columns, select, identifiers(table.key), source)


def is_dictionary(name: str) -> bool:
    """Whether the table describes the file it stands in, and so differs from file to file."""
    return name in _DICTIONARIES


def dictionary_rows(table: Table, parts: Sequence[Part]) -> Iterator[list[Any]]:
    """The rows of `meta.table_dictionary` or `meta.column_dictionary` that describe exactly `parts`."""
    describe = _describe_table if table.table == TABLE_DICTIONARY else _describe_columns
    for part in parts:
        for facts in describe(part):
            yield [facts[name] for name in table.columns]


def _describe_table(part: Part) -> Iterator[dict[str, Any]]:
    yield {
        "table_name": part.name,
        "description": part.table.description.strip(),
        "key_columns": ", ".join(part.key),
        "blinding": part.table.blinding,
    }


def _describe_columns(part: Part) -> Iterator[dict[str, Any]]:
    for position, name in enumerate(part.columns, start=1):
        column = part.table.columns[name]
        yield {
            "table_name": part.name,
            "column_name": name,
            "position": position,
            "type": column.type,
            "label": column.label,
            "description": column.description.strip(),
            "unit": column.unit,
            "codes": json.dumps(column.codes, ensure_ascii=False) if column.codes else None,
            "blinding": column.blinding,
            "volatile": column.volatile,
        }


def column_comment(table: Table, name: str) -> str:
    """Label, description, unit and codes of a column in one text."""
    column = table.columns[name]
    text = f"{column.label}: {column.description.strip()}"
    if column.unit:
        text += f" [{column.unit}]"
    if column.codes:
        text += " (" + ", ".join(f"{code} = {meaning}" for code, meaning in column.codes.items()) + ")"
    return text
