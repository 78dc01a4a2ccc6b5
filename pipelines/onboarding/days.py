"""How a column of dates is probably written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")
_SHAPES = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y%m%d",
    "%Y年%m月%d日",
    "%d-%b-%Y",
    "%d %b %Y",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p")
_ERA = re.compile(r"(令和|平成|昭和|[RHS]\d+[./])")


def find_shape(cells: Sequence[str]) -> tuple[str | None, list[str]]:
    """The format (None for ISO 8601, which needs no saying), and every format that reads all cells alike well.

    The second is empty where nothing fits. Japanese era dates come back as `japanese_era`.
    """
    if all(_ISO.fullmatch(cell) for cell in cells):
        return None, ["iso8601"]
    if any(_ERA.match(cell) for cell in cells):
        return "japanese_era", ["japanese_era"]
    shapes = [day + clock for day in _SHAPES for clock in _CLOCKS]
    fitting = [shape for shape in shapes if all(_reads(cell, shape) for cell in cells)]
    return (fitting[0] if fitting else None), fitting


def _reads(cell: str, shape: str) -> bool:
    try:
        datetime.strptime(cell, shape)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True
