"""What goes wrong in the warehouse, said without any participant's value."""

from __future__ import annotations

import re

# These complain about SQL text or about the machine. All other errors of DuckDB may quote a cell or a whole row.
_QUOTE_NO_VALUES = frozenset({
    "BinderException",
    "CatalogException",
    "IOException",
    "OutOfMemoryException",
    "ParserException",
    "PermissionException",
    "SyntaxException",
})  # fmt: skip
_IN_WORDS = {
    "ConstraintException": "a row breaks a constraint of its table",
    "ConversionException": "a value cannot be converted to the type asked for",
    "InterruptException": "it was interrupted",
    "OutOfRangeException": "a value is out of the range of its type",
}


class WarehouseError(Exception):
    """The build, a check or the publication cannot go on; the message says where and why."""


def reason(error: Exception) -> str:
    """Why DuckDB refused, in one sentence, without the values that its own message may quote."""
    kind = type(error).__name__
    if kind in _QUOTE_NO_VALUES:
        said = re.split(r"\n\s*\n|\nLINE ", str(error))[0]
        return " ".join(said.split())
    return _IN_WORDS.get(kind, f"DuckDB gave up ({kind})")
