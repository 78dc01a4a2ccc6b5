"""A Parquet file of rows that grows batch by batch and appears only when it is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import effects

if TYPE_CHECKING:
    import polars as pl

WAITING = 2  # batches that may wait to be written: what bounds the memory


class RowFile:
    """Writes frames of one shape to `path`, in the background. `distinct` names columns whose values hardly
    repeat: a dictionary of them would cost time and save nothing. `constants` are the texts of columns that say the
    same in every row, and that the frames need not have. One that is not `kept` need not be durable."""

    def __init__(
        self,
        path: Path,
        shape: Mapping[str, Any],
        distinct: Sequence[str] = (),
        constants: Mapping[str, str] | None = None,
        *,
        kept: bool = True,
    ) -> None:
        self.path = path
        self.kept = kept
        self.shape = dict(shape)
        self._constants = dict(constants or {})
        self._varying = [name for name in shape if name not in self._constants]
        self.n_rows = 0
        self._growing = path.with_name(f".{path.name}.growing")
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rows")
        self._waiting: list[Future[None]] = []
        parquet: Any = import_module("pyarrow.parquet")
        self._writer = parquet.ParquetWriter(
            self._growing,
            compression="zstd",
            compression_level=1,
            store_schema=False,  # what Arrow calls the types is no reader's business
            **_encoding(tuple(self.shape.items()), tuple(distinct), frozenset(self._constants)),
        )

    def add(self, rows: pl.DataFrame) -> None:
        """Rows with the columns of the shape that vary, in any order and among others."""
        self.n_rows += rows.height
        if rows.height:
            self._waiting.append(self._worker.submit(self._write, rows.select(self._varying)))
        while len(self._waiting) > WAITING:
            self._waiting.pop(0).result()

    def _write(self, rows: pl.DataFrame) -> None:
        import pyarrow as pa

        table = _arrow(rows)
        varying = dict(zip(table.column_names, table.columns, strict=True))
        columns = varying | {name: _repeated(text, rows.height) for name, text in self._constants.items()}
        schema = self._writer.schema
        self._writer.write_table(pa.Table.from_arrays([columns[name] for name in self.shape], schema=schema))

    def close(self) -> Path:
        """Make the file appear, whole, and durable with the folder's result."""
        while self._waiting:
            self._waiting.pop(0).result()
        self._worker.shutdown()
        self._writer.close()
        if self.kept:
            effects.settle(self._growing, effects.PRIVATE_FILE)
        effects.rename(self._growing, self.path, part=True)
        return self.path

    def discard(self) -> None:
        """Leave nothing behind; does nothing after `close`."""
        self._worker.shutdown(cancel_futures=True)
        self._writer.close()
        effects.remove(self._growing)


@lru_cache(maxsize=64)
def _encoding(
    shape: tuple[tuple[str, Any], ...], distinct: tuple[str, ...], constants: frozenset[str]
) -> dict[str, Any]:
    """How columns of these types are written, as the writer wants to be told."""
    import polars as pl
    import pyarrow as pa

    counted = [name for name, kind in shape if kind == pl.Int64 or isinstance(kind, pl.Datetime)]
    repeating = [name for name, _ in shape if name not in {*distinct, *counted}]
    words = {name for name, kind in shape if kind == pl.String} & {*repeating}
    schema = _arrow(pl.DataFrame(schema=dict(shape))).schema
    fields = [field.with_type(_repeated("", 0).type) if field.name in constants else field for field in schema]
    return {
        "schema": pa.schema(fields),
        "use_dictionary": repeating,
        "write_statistics": [name for name, _ in shape if name not in words],  # whose ends tell no reader what to skip
        "column_encoding": dict.fromkeys(counted, "DELTA_BINARY_PACKED"),
    }


def _repeated(text: str, n: int) -> Any:
    """The same text in each of so many rows, as the dictionary that would be made of it."""
    import numpy as np
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(np.zeros(n, dtype=np.int32), pa.array([text], pa.string()))


def _arrow(rows: pl.DataFrame) -> Any:
    import polars as pl

    return rows.to_arrow(compat_level=pl.CompatLevel.newest())  # without copying the text
