"""One column of a file: how many of its cells are filled, what kind of thing they hold, which codes.

Codes that the instrument or the mapping defines are counted by name, every other one only as one of many; of
identifiers, dates and free text nothing is kept but how many cells are filled and what kind of thing they hold.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pipelines.landing.readers import shown
from pipelines.validation.codes import Codes

if TYPE_CHECKING:
    import polars as pl

MOST_SAMPLED = 2_000  # filled cells by which the kind of a column is told
FEW = 2_000  # cells that are looked at one by one, which takes less time than asking polars for it
MOST_OF_SAMPLE = 0.95  # of them that must agree
STEPS = 10  # to a power of ten, when the size of a measurement is told

Declared = Literal[
    "identifier", "text", "label", "code", "item", "date", "time", "number", "filter", "unread", "unknown"
]
# The first shape that fits all of a cell; looked for together, because a file has many cells.
_SHAPE = re.compile(
    r"(?P<integer>[+-]?\d+(?:\.0*)?)"
    r"|(?P<decimal>[+-]?\d*[.,]\d+(?:[Ee][+-]?\d+)?)"
    r"|(?P<date>\d{4}-\d{2}-\d{2})"
    r"|(?P<time>\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*)"
    r"|(?P<other_date>\d{1,4}[/.年]\d{1,2}[/.月]\d{1,4}日?.*)"
)


@dataclass
class Variable:
    """One column of the file as it is read for one variable of the feed, or for one item (`phq9.1`).

    `defined` lists what the feed, the study file or the instrument knows as a code; None where the column holds no
    codes. An item's answers are counted under the code that they are read as, other codes as the file writes them.
    """

    column: str
    variable: str
    declared: Declared
    codes: Codes  # how its cells are read
    defined: frozenset[str] | None = None
    lowest: int | None = None  # answer that the instrument allows
    highest: int | None = None
    n_cells: int = 0
    n_filled: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    n_unknown: int = 0
    sample: list[str] = field(default_factory=list)
    sizes: Counter[int] = field(default_factory=Counter)

    def take(self, text: pl.Series, read: pl.Series) -> None:
        """Count some cells: as they stand in the file, and as they are read (NULL for nothing)."""
        if self.declared != "number" and len(text) <= FEW:
            cells = zip(text.to_list(), read.to_list(), strict=True)
            self._take_few(len(text), [(as_sent, as_read) for as_sent, as_read in cells if as_read is not None])
            return
        filled = text.filter(read.is_not_null())
        self.n_cells += len(text)
        self.n_filled += len(filled)
        self.sample += filled.head(MOST_SAMPLED - len(self.sample)).to_list()
        if self.defined is not None:
            self._take_codes(_counted(filled, read.drop_nulls()))
        elif self.declared == "number":
            self._take_sizes(filled)

    def _take_few(self, n_cells: int, filled: list[tuple[str, str]]) -> None:
        self.n_cells += n_cells
        self.n_filled += len(filled)
        self.sample += [as_sent for as_sent, _ in filled[: MOST_SAMPLED - len(self.sample)]]
        if self.defined is not None:
            self._take_codes((*pair, n) for pair, n in Counter(filled).items())

    def take_counted(self, counted: Iterable[tuple[str | None, str | None, int]]) -> None:
        """Count cells that have been counted by what they hold and what it is read as."""
        counted = list(counted)
        filled = sorted((text, read, n) for text, read, n in counted if text is not None and read is not None)
        self.n_cells += sum(n for _, _, n in counted)
        self.n_filled += sum(n for _, _, n in filled)
        self.sample += [text for text, _, _ in filled][: MOST_SAMPLED - len(self.sample)]
        self._take_codes(filled)

    def _take_codes(self, counted: Iterable[tuple[str, str, int]]) -> None:
        for text, read, n in counted:
            if plain_code(read) not in (self.defined or ()):
                self.n_unknown += n
            else:
                self.seen[plain_code(read) if self.declared == "item" else text] += n

    def _take_sizes(self, filled: pl.Series) -> None:
        import polars as pl

        number = filled.cast(pl.Float64, strict=False).drop_nulls()
        positive = number.filter((number > 0) & number.is_finite())
        for size, n in (positive.log10() * STEPS).floor().cast(pl.Int64).value_counts().rows():
            self.sizes[size] += n

    @property
    def kind(self) -> str:
        """What nearly all sampled cells look like."""
        if not self.sample:
            return "empty"
        found = Counter[str]()
        for text, n_such in Counter(self.sample).items():
            found[_kind(text)] += n_such
        if self.declared == "number" and found["decimal"]:  # a measurement may well be a whole number
            found["decimal"] += found.pop("integer", 0)
        kind, n = max(found.items(), key=lambda pair: (pair[1], pair[0]))
        return kind if n >= MOST_OF_SAMPLE * len(self.sample) else "mixed"

    @property
    def typical(self) -> float | None:
        """The middle measurement, to the tenth of a power of ten."""
        total, passed = sum(self.sizes.values()), 0
        for size in sorted(self.sizes):
            passed += self.sizes[size]
            if 2 * passed >= total:
                return float(10 ** (size / STEPS))
        return None

    def facts(self) -> dict[str, Any]:
        """Its row of the dictionary, but for the place of the column."""
        coded = self.defined is not None
        numbers = [int(code) for code in self.seen if re.fullmatch(r"-?\d+", code)] if self.declared == "item" else []
        return {
            "column_name": shown(self.column),
            "variable": self.variable,
            "declared": self.declared,
            "kind": self.kind,
            "n_cells": self.n_cells,
            "n_filled": self.n_filled,
            "codes": sorted(self.seen) if coded else None,
            "n_of_code": [self.seen[code] for code in sorted(self.seen)] if coded else None,
            "n_unknown": self.n_unknown if coded else None,
            "defined_minimum": self.lowest,
            "defined_maximum": self.highest,
            "minimum": min(numbers, default=None),
            "maximum": max(numbers, default=None),
            "typical": self.typical,
        }


def plain_code(text: str) -> str:
    """`2.0` is the code `2`, and a label may be written in any case."""
    return re.sub(r"\.0*$", "", text).strip().upper()


def _counted(text: pl.Series, read: pl.Series) -> Iterable[tuple[str, str, int]]:
    """How often each text stands there, with what it is read as."""
    import polars as pl

    return pl.DataFrame({"text": text, "read": read}).group_by("text", "read").len().rows()


@lru_cache(maxsize=1 << 16)
def _kind(text: str) -> str:
    shape = _SHAPE.fullmatch(text)
    return "text" if shape is None or shape.lastgroup is None else shape.lastgroup.replace("_", " ")


def shape() -> dict[str, Any]:
    """The columns of `Variable.facts` with their types."""
    import polars as pl

    text, count, number = pl.String(), pl.Int64(), pl.Float64()
    return {
        "column_name": text,
        "variable": text,
        "declared": text,
        "kind": text,
        "n_cells": count,
        "n_filled": count,
        "codes": pl.List(text),
        "n_of_code": pl.List(count),
        "n_unknown": count,
        "defined_minimum": count,
        "defined_maximum": count,
        "minimum": count,
        "maximum": count,
        "typical": number,
    }
