"""Asking all the checks of a schema at once finds what pandera finds when it goes through them one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.validation import contract
from pipelines.validation.record_layout import Layout
from schemas.feeds import FEEDS

CODES = {"instrument": ("phq9", "lsas"), "arm": ("ICT", "TAU"), "second_arm": ("ICT", "TAU")}
TEXTS = ["A1", "x y", "1.23E+05", "#N/A", "", "ICT", "phq9", "F", "call", "login", "participant", "é", None]
VALUES: dict[Any, list[Any]] = {
    pl.String(): TEXTS,
    pl.Int64(): [1, -1, 5, 1899, 2101, None],
    pl.Float64(): [0.0, -0.5, 1e9, None],
    pl.Date(): [date(2026, 1, 5), None],
    pl.Datetime("us", "UTC"): [datetime(2026, 1, 5, tzinfo=UTC), None],
}


def rows_of(feed: str) -> st.SearchStrategy[pl.DataFrame]:
    shape = Layout(FEEDS[feed]).columns
    row = st.fixed_dictionaries({name: st.sampled_from(VALUES[kind]) for name, kind in shape.items()})
    return st.lists(row, max_size=4).map(lambda rows: pl.DataFrame(rows, schema=shape))


def found(rows: pl.DataFrame, feed: str) -> list[list[tuple[Any, ...]]]:
    return [failures.rows() for failures in contract.judge_rows(rows, FEEDS[feed], CODES)]


@pytest.mark.parametrize("feed", FEEDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_found_at_once_is_what_pandera_finds_one_by_one(feed: str, data: st.DataObject) -> None:
    rows = data.draw(rows_of(feed))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(contract, "MANY", data.draw(st.sampled_from([1, 2, contract.MANY])))
        at_once = found(rows, feed)
        patched.setattr(contract, "broken_columns", lambda rows, schema: tuple(schema.columns))
        assert found(rows, feed) == at_once


def test_a_check_that_fails_names_its_column_alone() -> None:
    shape = Layout(FEEDS["allocation"]).columns
    row = dict.fromkeys(shape, None) | {"subject_id": "A1", "arm": "ICT"}
    schema = FEEDS["allocation"].schema(CODES)
    for changed, broken in (({}, ()), ({"arm": "other"}, ("arm",)), ({"subject_id": None}, ("subject_id",))):
        rows = pl.DataFrame([row, row | changed], schema=shape)
        assert contract.broken_columns(rows, schema) == broken
