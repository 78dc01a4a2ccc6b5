"""Parquet files: every kind of column that can stand in a table of text."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.landing.readers import UnreadableError
from tests.landing.readers.examples import examples, opened, rows, settings

PARQUET = settings("parquet")


def content(frame: pl.DataFrame) -> bytes:
    made = io.BytesIO()
    frame.write_parquet(made)
    return made.getvalue()


def test_every_kind_of_cell_becomes_text(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 5, 10, 30, 15, 250_000)  # noqa: DTZ001 - a column without a zone
    frame = pl.DataFrame(
        {
            "text": ["髙", None],
            "category": pl.Series(["x", None], dtype=pl.Categorical),
            "whole": [2**62, None],
            "double": [2.0, float("nan")],
            "single": pl.Series([3.14, None], dtype=pl.Float32),
            "exact": pl.Series([Decimal("1.50"), None]),
            "yes": [True, None],
            "day": [date(2026, 1, 5), None],
            "moment": [moment, None],
            "in_zone": pl.Series([moment.replace(tzinfo=UTC), None]).dt.convert_time_zone("Asia/Tokyo"),
            "time": [time(10, 30), None],
            "nothing": [None, None],
        }
    )
    table, batches = opened(tmp_path, content(frame), "f.parquet", PARQUET)
    assert table.header == frame.columns
    first, second = rows(batches)
    assert first[:8] == ("髙", "x", str(2**62), "2", "3.14", "1.50", "true", "2026-01-05")
    assert [datetime.fromisoformat(cell or "") for cell in first[8:10]] == [moment, moment.replace(tzinfo=UTC)]
    assert first[10:] == ("10:30:00", None) and second == (None,) * 12


def test_more_rows_than_a_batch_and_names_with_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.landing.readers.parquet.ROWS_A_BATCH", 3)
    frame = pl.DataFrame({"a.b": range(7), " a ": range(7)})
    table, batches = opened(tmp_path, content(frame), "f.parquet", PARQUET)
    assert table.header == ["a.b", "a"]
    assert rows(batches) == [(str(i), str(i)) for i in range(7)]
    assert [n for b in batches for n in b.places["row_no"]] == list(range(1, 8))


def test_columns_that_hold_lists_or_bytes_are_refused_only_where_asked_for(tmp_path: Path) -> None:
    from pipelines.landing.readers import open_table

    frame = pl.DataFrame({"a": ["x"], "list": [[1]], "record": [{"a": 1}], "bytes": [b"\xff"]})
    (tmp_path / "f").write_bytes(content(frame))
    table = open_table(tmp_path / "f", "f.parquet", PARQUET)
    assert rows(list(table.batches(["a"]))) == [("x",)]
    for name in ("list", "record", "bytes"):
        with pytest.raises(UnreadableError, match=f"column {name} holds"):
            list(open_table(tmp_path / "f", "f.parquet", PARQUET).batches([name]))


def test_notes_in_a_file_need_not_be_text(tmp_path: Path) -> None:
    import pyarrow as pa

    table = pa.table({"a": pa.array(["x"])}).replace_schema_metadata({b"note": b"\xff\xfe"})
    made = io.BytesIO()
    parquet: Any = import_module("pyarrow.parquet")
    parquet.write_table(table, made)
    assert rows(opened(tmp_path, made.getvalue(), "f.parquet", PARQUET)[1]) == [("x",)]


@pytest.mark.parametrize("broken", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1", examples()["parquet"][:-9]])
def test_what_is_no_parquet_file_is_refused(tmp_path: Path, broken: bytes) -> None:
    with pytest.raises(UnreadableError, match="not a Parquet file"):
        opened(tmp_path, broken, "f.parquet", PARQUET)
