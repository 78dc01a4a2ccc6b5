"""Names and texts as SQL; names come only from dictionaries and paths, and are quoted all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path


def identifier(name: str) -> str:
    """`analysis.adsl` → `"analysis"."adsl"`."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def identifiers(names: Iterable[str]) -> str:
    return ", ".join(identifier(name) for name in names)


def literal(text: str) -> str:
    """A text constant, for statements that take no parameters (COMMENT, CREATE VIEW, ATTACH)."""
    return "'" + text.replace("'", "''") + "'"


def parquet(files: Sequence[Path], named: str = "") -> str:
    """A FROM item over `files`, which all have the same columns; as the column `named` also the path of each row's."""
    paths = ", ".join(literal(str(path)) for path in files)
    naming = f", filename = {literal(named)}" if named else ""
    return f"read_parquet([{paths}], hive_partitioning = false, union_by_name = false{naming})"
