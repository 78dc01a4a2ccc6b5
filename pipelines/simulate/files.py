"""The cells of a file → its bytes, in the format that the study file declares."""

from __future__ import annotations

import gzip
import re
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from pipelines.simulate.export import Cells
from pipelines.study.source import Delimited, Read

HOUSE = Delimited(format="delimited")
FORMATS = ("delimited", "jsonl", "sav", "xpt")  # that can be written
FOR_WINDOWS = ("cp932", "shift_jis")  # what writes these ends its lines in CR LF


def encode(cells: Cells, read: Read, *, zipped: bool = False) -> bytes:
    """The file's bytes; the same cells give the same bytes."""
    if read.format == "delimited":
        content = _delimited(cells.text, read)
    elif read.format == "jsonl":
        content = _json_lines(cells)
    else:
        content = _binary(cells, read.format)
    return packed(content) if zipped else content


def packed(content: bytes) -> bytes:
    """Gzip, without a time stamp."""
    return gzip.compress(content, 6, mtime=0)


def _delimited(text: pl.DataFrame, read: Delimited) -> bytes:
    codec = read.encoding.lower().replace("-", "_")
    ending = "\r\n" if codec in FOR_WINDOWS else "\n"
    csv = text.write_csv(separator=read.delimiter, quote_char=read.quote, line_terminator=ending)
    return csv.encode(read.encoding)


def _json_lines(cells: Cells) -> bytes:
    numbers = [pl.col(c).cast(pl.Float64) for c in cells.text.columns if c in cells.numeric]
    return cells.text.with_columns(numbers).write_ndjson().encode()


def _binary(cells: Cells, form: str) -> bytes:
    """SPSS and SAS files; the library only writes to a path, so it does in a folder of its own."""
    import pyreadstat

    frame = _typed(cells)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"export.{form}"
        if form == "xpt":
            pyreadstat.write_xport(frame, path, table_name="EXPORT", file_format_version=8)
            return re.sub(rb"\d\d[A-Z]{3}\d\d:\d\d:\d\d:\d\d", b"01JAN00:00:00:00", path.read_bytes())
        pyreadstat.write_sav(
            frame,
            path,
            variable_format={name: "F8.0" for name in frame if frame[name].dtype.kind == "f"},
            variable_value_labels=_labels(cells, frame),
            missing_ranges={
                column: [{"lo": float(code), "hi": float(code)} for code in codes]
                for column, codes in cells.missing.items()
                if codes and column in frame and frame[column].dtype.kind == "f"
            },
        )
        return _without_clock(path.read_bytes())


def _typed(cells: Cells) -> Any:
    """A pandas frame: numbers as float, dates as datetime.date, other cells as text ('' where empty)."""
    import pandas as pd

    columns: dict[str, Any] = {}
    for name in cells.text.columns:
        series = cells.text[name]
        number = series.cast(pl.Float64, strict=False)
        is_number = number.null_count() == series.null_count() and series.null_count() < series.len()
        if name in cells.dates:
            columns[name] = pd.Series(_dates(series), dtype=object)
        elif name in cells.numeric or is_number:
            columns[name] = number.to_numpy()
        else:
            columns[name] = pd.Series(series.fill_null("").to_list(), dtype=object)
    return pd.DataFrame(columns)


def _dates(series: pl.Series) -> list[date | None]:
    return series.str.slice(0, 10).str.to_date("%Y-%m-%d").to_list()


def _labels(cells: Cells, frame: Any) -> dict[str, dict[float, str]]:
    return {
        column: {float(code): label for code, label in labels.items()}
        for column, labels in cells.labels.items()
        if column in frame and frame[column].dtype.kind == "f" and all(_is_number(code) for code in labels)
    }


def _is_number(code: str) -> bool:
    return code.lstrip("-").replace(".", "", 1).isdigit()


def _without_clock(content: bytes) -> bytes:
    """An SPSS file whose header (bytes 92 to 108) says another creation time than now, always the same."""
    return content[:92] + b"01 Jan 0000:00:00" + content[109:]
