"""An answer as a table for the screen, as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["table", "csv", "json", "parquet"]
# What begins a formula; in Japanese and Chinese spreadsheets its full-width twin does too.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Answer:
    """Rows of a query, with the names and DuckDB types of its columns."""

    names: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]


def render(answer: Answer, form: str, width: int | None = None) -> bytes:
    """The answer as `table`, `csv`, `json` or `parquet`; `width` is the screen's (default: as wide as needed)."""
    if form == "parquet":
        return _parquet(answer)
    if form == "json":
        return _json(answer)
    if form == "csv":
        return _csv(answer)
    return _table(answer, width)


def _table(answer: Answer, width: int | None) -> bytes:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name, kind in zip(answer.names, answer.types, strict=True):
        table.add_column(Text(name), justify="right" if _is_number(kind) else "left", overflow="fold")
    for row in answer.rows:
        table.add_row(*(Text("NULL", style="dim") if v is None else Text(_text(v)) for v in row))
    screen = io.StringIO()
    console = Console(file=screen, width=width or 10_000, color_system=None)
    console.print(table, soft_wrap=width is None)
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    count = len(answer.rows)
    return "\n".join([*lines, f"{count:,} row{'' if count == 1 else 's'}", ""]).encode()


def _csv(answer: Answer) -> bytes:
    """CSV in UTF-8; missing values are empty. Text that a spreadsheet would run as a formula gets an apostrophe."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([_harmless(name) for name in answer.names])
    for row in answer.rows:
        writer.writerow(["" if value is None else _csv_cell(value) for value in row])
    return target.getvalue().encode()


def _csv_cell(value: Any) -> str:
    return _harmless(value) if isinstance(value, str) else _text(value)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text


def _json(answer: Answer) -> bytes:
    """One array of objects in column order. Numbers stay numbers, DECIMAL in all its digits."""
    names = [json.dumps(name, ensure_ascii=False) for name in answer.names]
    objects = (
        "{" + ", ".join(f"{name}: {_json_value(v)}" for name, v in zip(names, row, strict=True)) + "}"
        for row in answer.rows
    )
    return ("[" + ",\n ".join(objects) + "]\n").encode()


def _json_value(value: Any) -> str:
    if value is None or isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return json.dumps(value) if math.isfinite(value) else "null"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else "null"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(str(k), ensure_ascii=False)}: {_json_value(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_json_value(v) for v in value) + "]"
    return json.dumps(_text(value), ensure_ascii=False)


def _text(value: Any) -> str:
    """Dates and times in ISO 8601, times that have an offset in UTC."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta):
        return str(value)
    return str(value)


def _is_number(kind: str) -> bool:
    return bool(re.match(r"U?(TINY|SMALL|BIG|HUGE)?INT|DOUBLE|FLOAT|DECIMAL", kind))


def _parquet(answer: Answer) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = []
    for i, kind in enumerate(answer.types):
        arrow = _arrow_type(kind)
        values = [row[i] for row in answer.rows]
        if arrow is None:
            arrow, values = pa.string(), [None if v is None else _text(v) for v in values]
        arrays.append(pa.array(values, arrow))
    target = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=answer.names), target)
    return target.getvalue()


def _arrow_type(kind: str) -> pa.DataType | None:
    """The Arrow type of a DuckDB type; None for those that are written as text."""
    import pyarrow as pa

    types: dict[str, pa.DataType] = {
        "VARCHAR": pa.string(),
        "BOOLEAN": pa.bool_(),
        "TINYINT": pa.int8(),
        "SMALLINT": pa.int16(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "UTINYINT": pa.uint8(),
        "USMALLINT": pa.uint16(),
        "UINTEGER": pa.uint32(),
        "UBIGINT": pa.uint64(),
        "HUGEINT": pa.decimal128(38, 0),
        "FLOAT": pa.float32(),
        "DOUBLE": pa.float64(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us"),
        "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
    }
    decimal = re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", kind)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else types.get(kind)
