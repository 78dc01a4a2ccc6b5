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
    repeat: a dictionary of them would cost time and save nothing. One that is not `kept` need not be durable."""

    def __init__(
        self, path: Path, shape: Mapping[str, Any], distinct: Sequence[str] = (), *, kept: bool = True
    ) -> None:
        self.path = path
        self.kept = kept
        self.shape = dict(shape)
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
            **_encoding(tuple(self.shape.items()), tuple(distinct)),
        )

    def add(self, rows: pl.DataFrame) -> None:
        """Rows with the columns of the shape, in any order and among others."""
        self.n_rows += rows.height
        if rows.height:
            self._waiting.append(self._worker.submit(self._write, rows.select(list(self.shape))))
        while len(self._waiting) > WAITING:
            self._waiting.pop(0).result()

    def _write(self, rows: pl.DataFrame) -> None:
        self._writer.write_table(_arrow(rows))

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
def _encoding(shape: tuple[tuple[str, Any], ...], distinct: tuple[str, ...]) -> dict[str, Any]:
    """How columns of these types are written, as the writer wants to be told."""
    import polars as pl

    counted = [name for name, kind in shape if kind == pl.Int64 or isinstance(kind, pl.Datetime)]
    return {
        "schema": _arrow(pl.DataFrame(schema=dict(shape))).schema,
        "use_dictionary": [name for name, _ in shape if name not in {*distinct, *counted}],
        "column_encoding": dict.fromkeys(counted, "DELTA_BINARY_PACKED"),
    }


def _arrow(rows: pl.DataFrame) -> Any:
    import polars as pl

    return rows.to_arrow(compat_level=pl.CompatLevel.newest())  # without copying the text
