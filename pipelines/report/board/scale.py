"""Where a number lies on a drawing, and which numbers its axis names."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10

WIDTH = 560.0  # of every drawing: printed across a page, its letters of 9 are of 8 points


@dataclass(frozen=True)
class Scale:
    """A straight scale from the numbers `low` to `high` onto the lengths `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of a value, to a hundredth, so that every machine writes the same text."""
        span = self.high - self.low
        part = (value - self.low) / span if span else 0.0
        return round(self.start + part * (self.end - self.start), 2)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Round numbers between both ends, about as many as wanted."""
        span = self.high - self.low
        if span <= 0:
            return [self.low]
        step = _round_step(span / max(wanted, 1))
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [round(i * step, 10) for i in range(first, last + 1)]


def up_to(value: float, start: float, end: float, at_least: float = 1.0) -> Scale:
    """From nought to the next round number that holds `value`."""
    high = max(value, at_least)
    step = _round_step(high / 5)
    return Scale(0, step * ceil(high / step - 1e-9), start, end)


def _round_step(rough: float) -> float:
    unit = 10.0 ** floor(log10(rough))
    return next((m * unit for m in (1, 2, 5) if m * unit >= rough - 1e-12), 10 * unit)
