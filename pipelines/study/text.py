"""Codes in files that people write, as text."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator


def _as_written(value: object) -> object:
    """A code as text. YAML takes `01` for 1 and `TRUE` for true: no cell of the file would equal those."""
    if isinstance(value, bool) or (isinstance(value, int) and type(value) is not int and value != 0):
        raise ValueError(
            "put leading zeros, true and false in quotes, as the file writes them; YAML changes them otherwise"
        )
    return None if value is None else str(value)


Text = Annotated[str, BeforeValidator(_as_written)]
