"""The beginning of an unknown file: its likely format, its columns and some of their cells."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from pipelines.landing.readers import UnreadableError, open_table
from pipelines.study.source import Read

if TYPE_CHECKING:
    import polars as pl

LOOKED_AT = 200_000  # bytes from which the encoding and the separator are guessed
LABELLED_STATUS = "Complete?"  # how REDCap heads the status of every form in an export of labels
FEW = 25  # different cells that a column of codes may have
_BY_SUFFIX = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".xlsx": "xlsx", ".parquet": "parquet", ".sav": "sav",
    ".zsav": "zsav", ".por": "por", ".xpt": "xpt", ".sas7bdat": "sas7bdat", ".dta": "dta",
}  # fmt: skip
_ENCODINGS = ("utf-8-sig", "cp932", "big5hkscs", "cp1252")


@dataclass(frozen=True)
class Sample:
    """`read` says how the file was opened, `rows` holds its first records as text, trimmed, an empty cell as NULL."""

    file_name: str
    read: dict[str, Any]
    rows: pl.DataFrame

    @property
    def columns(self) -> list[str]:
        return self.rows.columns

    def cells(self, column: str) -> list[str]:
        """The cells of a column that hold something."""
        return self.rows[column].drop_nulls().to_list()

    def codes(self, column: str) -> list[str]:
        """The different cells of a column, where they are few and short enough to be codes."""
        found = sorted(set(self.cells(column)))
        return found if len(found) <= FEW and all(len(cell) <= 40 for cell in found) else []

    def numbers(self, column: str) -> list[float]:
        """The column's cells as numbers; those that are none are left out."""
        return [number for cell in self.cells(column) if (number := _number(cell)) is not None]

    def fullest(self, column: str, others: Iterable[str]) -> str | None:
        """The code of `column` whose records hold most in the `others`."""
        import polars as pl

        filled = pl.sum_horizontal(pl.lit(0), *(pl.col(other).is_not_null().cast(pl.Int64) for other in others))
        counted = self.rows.filter(pl.col(column).is_not_null()).group_by(column).agg(filled.sum().alias("n_filled"))
        best = counted.sort("n_filled", column, descending=[True, False])
        return str(best[column][0]) if best.height else None


def take_sample(path: Path) -> Sample:
    """Read the first records of `path`. Raises UnreadableError when no reader takes it."""
    import polars as pl

    read = _likely_format(path)
    table = open_table(path, path.name, TypeAdapter(Read).validate_python(read))
    columns = table.header if table.header is not None else _columns_met(path, read)
    for batch in table.batches(columns):
        trimmed = pl.all().str.strip_chars().replace("", None)
        return Sample(path.name, read, batch.cells.select(columns).with_columns(trimmed))
    return Sample(path.name, read, pl.DataFrame(schema=dict.fromkeys(columns, pl.String)))


def _columns_met(path: Path, read: dict[str, Any]) -> list[str]:
    """Where columns only show themselves row by row, those of the first records."""
    table = open_table(path, path.name, TypeAdapter(Read).validate_python(read))
    for _ in table.batches([]):
        break
    return table.seen


def _likely_format(path: Path) -> dict[str, Any]:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in (".gz", ".zip")]
    known = _BY_SUFFIX.get(suffixes[-1] if suffixes else "")
    return {"format": known} if known else _likely_text(path)


def _likely_text(path: Path) -> dict[str, Any]:
    """The encoding that reads every byte, and the separator that cuts the first lines alike."""
    content = path.read_bytes()[:LOOKED_AT]
    whole = content.rpartition(b"\n")[0] or content
    for encoding in _candidates(content):
        try:
            text = whole.decode(encoding)
        except UnicodeDecodeError:
            continue
        read = {"format": "delimited", "encoding": encoding.removesuffix("-sig"), "delimiter": _separator(text)}
        head = text.partition("\n")[0]
        return read | ({"repeated_names": "numbered"} if head.count(LABELLED_STATUS) > 1 else {})
    raise UnreadableError("its text is in no encoding that is tried (UTF-8, UTF-16, CP932, Big5, CP1252)")


def _candidates(content: bytes) -> Iterator[str]:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield "utf-16"
    yield from _ENCODINGS


def _separator(text: str) -> str:
    head = "\n".join(text.splitlines()[:20])
    try:
        return csv.Sniffer().sniff(head, delimiters=",;\t|").delimiter
    except csv.Error:
        return ","


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None
