"""Parquet files. Text, numbers, dates and times are read; a column that holds lists or records cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.packed import opened, whole_file
from pipelines.landing.readers.statistical import number_as_text
from pipelines.landing.readers.table import Batch, UnreadableError, checked_header, places, refused, refusing, shown

if TYPE_CHECKING:
    import polars as pl

    from pipelines.study.source import Parquet

ROWS_A_BATCH = 50_000
_UNREADABLE = "this is not a Parquet file that can be read, or it is damaged; export it again"


class ParquetTable:
    """A Parquet file whose footer has been read. Raises UnreadableError."""

    def __init__(self, path: Path, file_name: str, read: Parquet) -> None:
        self._source = whole_file(path, file_name, read.member)
        parquet: Any = import_module("pyarrow.parquet")
        with refusing(_UNREADABLE):
            self._file = parquet.ParquetFile(opened(self._source))
            names = list(self._file.schema_arrow.names)
        self.header = checked_header(names)
        self._names = dict(zip(self.header, names, strict=True))
        self.n_records = 0

    @property
    def seen(self) -> list[str]:
        return self.header

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        import polars as pl
        import pyarrow as pa

        wanted = [self._names[name] for name in columns or self.header[:1]]  # without any it still has its rows
        with refusing(_UNREADABLE):
            for batch in self._file.iter_batches(ROWS_A_BATCH, columns=wanted, use_threads=False):
                batch.validate(full=True)  # text that is not UTF-8 would else go on unnoticed
                # Without the notes that other programs leave in a file: nothing says that they are text.
                bare = pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names)
                data = pl.DataFrame(pl.from_arrow(bare))
                numbers = range(self.n_records + 1, self.n_records + 1 + data.height)
                self.n_records += data.height
                cells = data.select(_text(data[self._names[name]], name) for name in columns)
                nothing = refused((), (), "unreadable_row").cast({"line_no": pl.Int64})
                yield Batch(places(numbers, [None] * data.height), cells, nothing)
        if self.n_records != self._file.metadata.num_rows:
            raise UnreadableError(_UNREADABLE)


def _text(column: pl.Series, name: str) -> pl.Series:
    """A column as text: ISO dates and times (with a zone: in UTC, saying so), whole numbers without a point."""
    import polars as pl

    kind = column.dtype
    if kind.is_nested() or kind in (pl.Binary, pl.Duration, pl.Object):
        raise UnreadableError(f"the column {shown(name)} holds {kind.base_type()} values, not text, numbers or dates")
    if kind.is_float():
        return column.to_frame().select(number_as_text(pl.first().fill_nan(None)).alias(name)).to_series()
    if isinstance(kind, pl.Datetime):
        zone = "+00:00" if kind.time_zone else ""
        column = column.dt.convert_time_zone("UTC") if kind.time_zone else column
        return column.dt.to_string(f"%Y-%m-%dT%H:%M:%S%.f{zone}").alias(name)
    if kind == pl.Time:
        return column.dt.to_string("%H:%M:%S%.f").alias(name)
    return column.cast(pl.String).alias(name)
