"""What tells the rows of a table from other rows, whatever their order: quick to find, and kept within one build.

Published tables have digests (`digest`), which mean the same on every machine; these are DuckDB's own hashes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from pipelines.warehouse.quoting import literal

FINGERPRINT = "count(*) AS n, sum(hash(t)) AS sum, bit_xor(hash(t)) AS parity"  # of the rows of `t`


def fingerprint(con: Any, rows: str) -> tuple[Any, ...]:
    """`n`, `sum` and `parity` of what is selected `FROM rows`, a table's name or a query in parentheses."""
    found: tuple[Any, ...] = con.execute(f"SELECT {FINGERPRINT} FROM {rows} AS t").fetchone()  # noqa: S608
    return found


def rows_digest(con: Any, rows: str) -> str:
    """`fingerprint` as one text."""
    return as_text(fingerprint(con, rows))


def rows_digests(con: Any, selected: Mapping[str, str]) -> dict[str, str]:
    """By name the `rows_digest` of what is selected. They are asked for at once: most tables are so small that to plan
    a question takes longer than to answer it."""
    asked = [f"SELECT {literal(name)}, {FINGERPRINT} FROM {rows} AS t" for name, rows in selected.items()]  # noqa: S608
    found = con.execute(" UNION ALL ".join(asked)).fetchall() if asked else []
    return {name: as_text(numbers) for name, *numbers in found}


def as_text(numbers: Iterable[Any]) -> str:
    return sha256(json.dumps([str(number) for number in numbers]).encode()).hexdigest()


def fingerprint_and_columns(con: Any, table: str) -> tuple[tuple[Any, ...], str]:
    """`fingerprint`, and the columns of the table with their types as DuckDB writes them of a STRUCT."""
    *numbers, columns = con.execute(f"SELECT {FINGERPRINT}, typeof(first(t)) FROM {table} AS t").fetchone()  # noqa: S608
    return tuple(numbers), str(columns)
