"""A small table of text, as a site's system holds it before it is written to a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

CANARY = "Zx9Qcanary"  # stands where nobody but the store may see it


@dataclass(frozen=True)
class Table:
    """`rows` are counted from 1, as in quarantine; every change is a new table."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def cell(self, row: int, column: str) -> str:
        return self.rows[row - 1][self.header.index(column)]

    def with_cell(self, row: int, column: str, text: str) -> Table:
        """The table with another text in one cell."""
        at = self.header.index(column)
        changed = (*self.rows[row - 1][:at], text, *self.rows[row - 1][at + 1 :])
        return replace(self, rows=(*self.rows[: row - 1], changed, *self.rows[row:]))

    def with_row(self, row: Sequence[str]) -> Table:
        return replace(self, rows=(*self.rows, tuple(row)))

    def without(self, column: str) -> Table:
        at = self.header.index(column)
        return Table(_less(self.header, at), tuple(_less(row, at) for row in self.rows))

    def renamed(self, names: dict[str, str]) -> Table:
        return replace(self, header=tuple(names.get(name, name) for name in self.header))


def _less(cells: tuple[str, ...], at: int) -> tuple[str, ...]:
    return cells[:at] + cells[at + 1 :]
