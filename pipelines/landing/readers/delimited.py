"""CSV, TSV and their kin, in any declared encoding, packed or not."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.landing.readers.records import Block, blocks, first_record
from pipelines.landing.readers.table import Batch, UnreadableError, checked_header, places, refused
from pipelines.landing.readers.text import utf8_chunks

if TYPE_CHECKING:
    from pipelines.study.source import Delimited


class DelimitedTable:
    """A delimited file whose header has been read. Raises UnreadableError."""

    def __init__(self, path: Path, file_name: str, read: Delimited) -> None:
        self._read = read
        self._chunks = utf8_chunks(path, file_name, read.encoding, read.member)
        line, self._rest, self._line = first_record(self._chunks, read.delimiter, read.quote)
        self.header = checked_header(_cells(line, read), numbered=read.repeated_names == "numbered")
        self.n_records = 0

    @property
    def seen(self) -> list[str]:
        return self.header

    def batches(self, columns: list[str]) -> Iterator[Batch]:
        chunks = chain((self._rest,), self._chunks) if self._rest else self._chunks
        self._rest = b""
        wanted = columns or self.header[:1]  # a file of which no column is used still has its records
        for block in blocks(chunks, self._read.delimiter, self._read.quote, self._line):
            batch = self._parsed(block, wanted)
            self.n_records += len(block.lines)
            yield batch

    def _parsed(self, block: Block, columns: list[str]) -> Batch:
        """The block's records as cells; those with too many or too few are refused."""
        import numpy as np
        import polars as pl
        import pyarrow as pa

        arrow_csv: Any = import_module("pyarrow.csv")
        ragged: list[int] = []

        def set_aside(row: Any) -> str:
            ragged.append(row.number - 1)
            return "skip"

        # Arrow binds by position; the names given here are the header's own.
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(block.text),
                read_options=arrow_csv.ReadOptions(
                    column_names=self.header, use_threads=False, block_size=len(block.text) + 1
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._read.delimiter,
                    quote_char=block.quoted and self._read.quote,
                    newlines_in_values=block.quoted,
                    invalid_row_handler=set_aside,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(columns, pa.large_string()),
                    include_columns=columns,
                    check_utf8=not block.plain,
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowException:
            last = int(block.lines[-1])
            raise UnreadableError(
                f"lines {int(block.lines[0])} to {last} are not delimited text as declared; export the file again"
            ) from None
        row_no = np.arange(self.n_records + 1, self.n_records + 1 + len(block.lines), dtype=np.int64)
        kept = np.ones(len(row_no), dtype=bool)
        kept[ragged] = False
        return Batch(
            places(row_no[kept], block.lines[kept]),
            pl.DataFrame(pl.from_arrow(table)),
            refused(row_no[~kept], block.lines[~kept], "ragged_row"),
            block.plain,
        )


def _cells(line: str, read: Delimited) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(line, newline=""), delimiter=read.delimiter, quotechar=read.quote))
    except csv.Error:
        raise UnreadableError("the header line cannot be split into column names; export the file again") from None
    return rows[0]
