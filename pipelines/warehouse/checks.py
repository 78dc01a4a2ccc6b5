"""What must hold before anything is published; each check gives a count and a sentence without values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipelines.warehouse.dictionary import LAYERS, Dictionary, Table
from pipelines.warehouse.quoting import identifier, identifiers

SUBJECTS = "analysis.adsl"
_DESCRIBED = [layer for layer, rank in LAYERS.items() if rank > 0]
MADE_ON_PUBLICATION = "meta"  # tables of this layer are made with the snapshot


@dataclass(frozen=True)
class Finding:
    """How many times a check failed; 0 means that it holds."""

    count: int
    message: str

    @property
    def holds(self) -> bool:
        return self.count == 0


def duplicate_keys(con: Any, table: Table) -> Finding:
    """Rows beyond the first of their key, and rows in which a part of the key is missing."""
    keys, name = identifiers(table.key), identifier(table.table)
    missing = " OR ".join(f"{identifier(part)} IS NULL" for part in table.key)
    (rows, without, distinct) = con.execute(
        f"SELECT coalesce(sum(how_often), 0), coalesce(sum(how_often) FILTER (WHERE {missing}), 0), count(*) "  # noqa: S608
        f"FROM (SELECT {keys}, count(*) AS how_often FROM {name} GROUP BY {keys})"
    ).fetchone()
    repeats = rows - distinct
    key = ", ".join(table.key)
    if not repeats and not without:
        return Finding(0, f"{table.table}: every row has its own key ({key})")
    message = f"{table.table}: {repeats} rows repeat a key ({key}); in {without} a part of it is missing"
    return Finding(max(repeats, without), message)


def rows_without_subject(con: Any, table: Table) -> Finding:
    """Rows of an analysis table whose subject is not in `analysis.adsl`; a table of curves has no subjects."""
    if "usubjid" not in table.columns:
        return Finding(0, f"{table.table}: its rows are nobody's")
    (count,) = con.execute(
        f"SELECT count(*) FROM {identifier(table.table)} AS t "  # noqa: S608
        f"WHERE NOT EXISTS (SELECT 1 FROM {identifier(SUBJECTS)} AS s WHERE s.usubjid = t.usubjid)"
    ).fetchone()
    return Finding(count, f"{table.table}: {count} rows belong to nobody in {SUBJECTS}")


def dictionary_gaps(con: Any, dictionary: Dictionary) -> Finding:
    """Tables and columns that are built but not described, or described but not built."""
    built = _built(con)
    expected = {name: table for name, table in dictionary.items() if table.layer != MADE_ON_PUBLICATION}
    gaps = [f"{name} is not in the dictionary" for name in built if name not in dictionary]
    gaps += [f"{name} is in the dictionary and was not built" for name in expected if name not in built]
    for name, table in expected.items():
        if name in built:
            gaps += _column_gaps(table, built[name])
    if not gaps:
        return Finding(0, f"the dictionary describes and marks all {len(built)} tables built")
    return Finding(len(gaps), "; ".join(gaps))


def _built(con: Any) -> dict[str, dict[str, str]]:
    """Every table and view of the build that a dictionary must describe, with its columns and their types."""
    rows = con.execute(
        "SELECT table_schema || '.' || table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_catalog = current_database() AND list_contains($layers, table_schema) "
        "ORDER BY table_schema, table_name, ordinal_position",
        {"layers": _DESCRIBED},
    ).fetchall()
    built: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        built.setdefault(table, {})[column] = "TIMESTAMPTZ" if kind == "TIMESTAMP WITH TIME ZONE" else kind
    return built


def _column_gaps(table: Table, built: dict[str, str]) -> list[str]:
    gaps = [f"{table.table}.{name} is not in the dictionary" for name in built if name not in table.columns]
    for name, kind in table.types.items():
        if name not in built:
            gaps.append(f"{table.table}.{name} is in the dictionary and was not built")
        elif built[name] != kind:
            gaps.append(f"{table.table}.{name} is {built[name]}, the dictionary says {kind}")
    return gaps
