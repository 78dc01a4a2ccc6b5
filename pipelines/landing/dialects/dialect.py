"""What a dialect is: how the table of a system's export becomes one that a mapping can read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from pipelines.landing.readers import Batch, Table

if TYPE_CHECKING:
    import polars as pl

    from pipelines.study.redcap_dictionary import Dictionary
    from pipelines.study.source import Source

# A column that a dialect adds: `yes` in the rows that are data, else empty.
COUNTS, YES = "(counts)", "yes"


@dataclass(frozen=True)
class Export:
    """One file of a system, not yet opened: `open` opens it (once more at each call), `source` says how to read it,
    `others` are the site's further sources, `zone` is where its times are kept, `dictionary` the project's own."""

    open: Callable[[Source], Table]
    source: Source
    others: Sequence[Source] = ()
    zone: str = "UTC"
    dictionary: Dictionary | None = None

    def wants(self, column: str) -> bool:
        """Whether some mapping of the site reads a column of that name."""
        return self.source.reads(column) or any(other.reads(column) for other in self.others)


@dataclass(frozen=True)
class Opened:
    """A table with the columns that `source` names."""

    table: Table
    source: Source


@dataclass(frozen=True)
class Dialect:
    """`plumbing` are the columns a system adds for itself, which nobody needs to be told about;
    `blanks` are the texts it writes where there is nothing. `open` raises UnreadableError."""

    plumbing: tuple[str, ...] = ()
    blanks: tuple[str, ...] = ()
    open: Callable[[Export], Opened] = field(default=lambda export: Opened(export.open(export.source), export.source))

    def is_plumbing(self, column: str) -> bool:
        return any(fnmatchcase(column, pattern) for pattern in (*self.plumbing, COUNTS))


def only_what_counts(source: Source) -> Source:
    """`source`, reading the rows alone that COUNTS marks."""
    return source.model_copy(update={"only": {**source.only, COUNTS: [YES]}})


@dataclass(frozen=True)
class Made:
    """A column worked out from others of the same table: `make` gets their cells and gives texts."""

    needs: tuple[str, ...]
    make: Callable[[pl.DataFrame], pl.Series]


@dataclass
class Reshaped:
    """A table under other names, without its first `skip` records, and with columns `made` out of its own.

    `names` maps the names shown to the file's own, for those that differ.
    """

    table: Table
    names: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, Made] = field(default_factory=dict)
    skip: int = 0

    @property
    def header(self) -> list[str] | None:
        own = self.table.header
        return None if own is None else [*self._shown(own), *(name for name in self.made if name not in own)]

    @property
    def seen(self) -> list[str]:
        return self._shown(self.table.seen)

    @property
    def n_records(self) -> int:
        return max(0, self.table.n_records - self.skip)

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        import polars as pl

        needed = [self.names.get(n, n) for c in columns for n in (self.made[c].needs if c in self.made else (c,))]
        for batch in self.table.batches(list(dict.fromkeys(needed))):
            kept = self._after_the_header(batch)
            given = {
                name: self.made[name].make(kept.cells) if name in self.made else kept.cells[self.names.get(name, name)]
                for name in columns
            }
            cells = pl.DataFrame(given) if given else kept.cells.select()
            yield replace(kept, cells=cells, plain=kept.plain and not given.keys() & self.made.keys())

    def _shown(self, own: list[str]) -> list[str]:
        back = {file: name for name, file in self.names.items()}
        return [back.get(name, name) for name in own]

    def _after_the_header(self, batch: Batch) -> Batch:
        """Header rows beyond the first are no records; what follows is counted from 1."""
        import polars as pl

        if not self.skip:
            return batch
        late = batch.places["row_no"] > self.skip
        earlier = pl.col("row_no") - self.skip
        return replace(
            batch,
            places=batch.places.filter(late).with_columns(earlier),
            cells=batch.cells.filter(late),
            refused=batch.refused.filter(pl.col("row_no") > self.skip).with_columns(earlier),
        )


def marked(condition: pl.Series) -> pl.Series:
    """COUNTS, where `condition` is true."""
    import polars as pl

    return pl.select(pl.when(pl.lit(condition)).then(pl.lit(YES))).to_series()
