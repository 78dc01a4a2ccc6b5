"""Digests: the same rows give the same digest, whatever computed it; any change gives another."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.warehouse import digest
from pipelines.warehouse.dictionary import Column, Table
from pipelines.warehouse.digest import Canon, table_digest, tables_digest

COLUMNS = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "aval": "DOUBLE",
    "adt": "DATE",
    "adtm": "TIMESTAMPTZ",
    "flag": "BOOLEAN",
}
CANON = Canon("t", COLUMNS, ["id"])
Row = tuple[Any, ...]

TEXTS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8)
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))  # noqa: DTZ001
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1),
        st.none() | TEXTS,
        st.none() | st.floats(),
        st.none() | st.dates(date(1900, 1, 1)),
        st.none() | TIMES,
        st.none() | st.booleans(),
    ),
    max_size=12,
    unique_by=lambda row: row[0],
)


def filled(rows: list[Row], threads: int = 2, zone: str = "UTC") -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": str(threads)})
    con.execute(f"SET TimeZone = '{zone}'")
    con.execute(f"CREATE TABLE t ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
    for row in rows:
        con.execute("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", row)
    return con


def digest_of(rows: list[Row], threads: int = 2, zone: str = "UTC") -> str:
    with filled(rows, threads, zone) as con:
        return table_digest(con, CANON)


def by_the_book(rows: list[Row]) -> str:
    """The digest as the module's docstring describes it, in plain Python."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([f"{name} {kind}" for name, kind in COLUMNS.items()])
    for row in sorted(rows, key=lambda row: row[0]):
        marked = ["\ue000" if value is None else in_words(value) for value in row]
        writer.writerow(marked)
    return sha256(text.getvalue().replace('"\ue000"', "").encode()).hexdigest()


def in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return "nan" if math.isnan(value) else repr(value or 0.0)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else str(value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS, data=st.data())
def test_the_digest_is_that_of_the_docstring_whatever_the_order_the_threads_and_the_zone(
    rows: list[Row], data: st.DataObject
) -> None:
    if any("\ue000" in (row[1] or "") for row in rows):
        return
    shuffled = data.draw(st.permutations(rows))
    expected = by_the_book(rows)
    assert digest_of(rows, threads=1) == expected
    assert (
        digest_of(shuffled, threads=4, zone=data.draw(st.sampled_from(["Asia/Tokyo", "America/New_York"]))) == expected
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=ROWS.filter(lambda rows: len(rows) > 0), data=st.data())
def test_any_other_cell_gives_another_digest(rows: list[Row], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.sampled_from(["name", "flag"]))
    place = list(COLUMNS).index(column)
    values = [None, "", "x", '"', ","] if column == "name" else [None, True, False]
    other = data.draw(st.sampled_from([v for v in values if v != rows[number][place]]))
    changed = list(rows)
    changed[number] = (*rows[number][:place], other, *rows[number][place + 1 :])
    assert digest_of(changed) != digest_of(rows)


def test_missing_is_not_empty_and_cells_do_not_run_together() -> None:
    def named(*names: str | None) -> str:
        return digest_of([(i, name, None, None, None, None) for i, name in enumerate(names)])

    seen = {
        named(None),
        named(""),
        named('"'),
        named(","),
        named("a\n"),
        named("a", None),
        named("a\n", ""),
        named("a,b"),
    }
    assert len(seen) == 8


@pytest.fixture
def big() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE t AS SELECT i AS id, 'n' || (i % 97) AS name, i / 7 AS aval, NULL::DATE AS adt, "
            "NULL::TIMESTAMPTZ AS adtm, i % 2 = 0 AS flag FROM range(120000) AS r(i)"
        )
        yield con


def test_many_batches_are_one_digest(big: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = table_digest(big, CANON)
    monkeypatch.setattr(digest, "ROWS_AT_ONCE", 999)
    assert table_digest(big, CANON) == whole
    big.execute("CREATE TABLE u AS SELECT * FROM t ORDER BY md5(id::VARCHAR)")
    assert table_digest(big, CANON, "u") == whole


def test_columns_that_differ_between_machines_are_left_out() -> None:
    column = Column(type="BIGINT", label="a", description="a", blinding="safe")
    volatile = column.model_copy(update={"volatile": True})
    table = Table(
        table="quality.audit",
        description="",
        key=["seq"],
        published=True,
        materialise="table",
        blinding="safe",
        columns={"seq": volatile, "a": column, "b": column},
    )
    canon = Canon.of(table)
    assert canon == Canon("quality.audit", {"a": "BIGINT", "b": "BIGINT"}, ["a", "b"])
    assert Canon.of(table, ["seq", "b"]).columns == {"b": "BIGINT"}
    assert Canon.from_dict(canon.as_dict()) == canon


def test_the_digest_of_all_tables_leaves_out_the_snapshots_own_row() -> None:
    digests = {"a.b": "1", "c.d": "2"}
    assert tables_digest(digests) == tables_digest({"c.d": "2", "meta.snapshot": "9", "a.b": "1"})
    assert tables_digest(digests) != tables_digest({"a.b": "2", "c.d": "1"})
