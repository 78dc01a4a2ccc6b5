"""One figure of the timings."""

from __future__ import annotations

from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True)
class Figure:
    name: str
    value: float
    unit: str
    promised: float | None = None  # at most

    @property
    def kept(self) -> str:
        return "" if self.promised is None else ("yes" if self.value <= self.promised else "NO")
