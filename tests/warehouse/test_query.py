"""Questions to a snapshot: answered in every format, and unable to change or reach anything."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.warehouse.published import list_snapshots
from pipelines.warehouse.query import QueryError, query
from pipelines.warehouse.render import Answer, render
from pipelines.workspace import Workspace
from tests.warehouse.small_trial import NOON, deliveries

Night = Callable[..., Path]


def test_an_answer_has_names_types_and_rows(published: Workspace) -> None:
    answer = query(published, "SELECT usubjid, randdt FROM analysis.adsl ORDER BY 1 LIMIT 1")
    assert answer == Answer(["usubjid", "randdt"], ["VARCHAR", "DATE"], [("oxford-P000", date(2026, 6, 1))])
    assert query(published, "SELECT adtm FROM analysis.adqs LIMIT 1").rows == [(NOON,)]
    assert query(published, "SELECT 1 AS a, 2 AS a, 3 AS b").names == ["a", "a_1", "b"]


def test_the_blinded_file_answers_unless_asked_otherwise(published: Workspace) -> None:
    with pytest.raises(QueryError, match='Referenced column "arm" not found'):
        query(published, "SELECT arm FROM analysis.adsl")
    assert query(published, "SELECT count(DISTINCT arm) FROM analysis.adsl", unblinded=True).rows == [(2,)]


def test_an_earlier_snapshot_can_be_asked(workspace: Workspace, night: Night, tmp_path: Path) -> None:
    first = night().name
    night(deliveries(tmp_path / "fewer", people=42), now=NOON + timedelta(days=1))
    count = "SELECT count(*) FROM analysis.adsl"
    assert query(workspace, count).rows == [(42,)]
    assert query(workspace, count, snapshot=first).rows == [(60,)]


def test_snapshots_are_listed_newest_first(workspace: Workspace, night: Night) -> None:
    assert list_snapshots(workspace) == []
    first, second = night().name, night(now=NOON + timedelta(days=1)).name
    assert [(s.snapshot_id, s.built_at[:10], s.current) for s in list_snapshots(workspace)] == [
        (second, "2026-05-02", True),
        (first, "2026-05-01", False),
    ]
    command = Path(sys.executable).with_name("ict-trial")
    workspace.study_file.write_text("study: x")  # all that the command asks of a workspace
    done = subprocess.run([command, "snapshots", "--workspace", workspace.root], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith((" 2026", "  2026"))]
    assert [(line[0], line[-1]) for line in lines] == [(second, "current"), (first, lines[1][2])]


@pytest.mark.parametrize("sql", ["", " \n", ";", ";;", "-- comment", "/* comment */;"])
def test_no_question_is_said_to_be_none(published: Workspace, sql: str) -> None:
    with pytest.raises(QueryError, match=r"^there is no question"):
        query(published, sql)


def test_one_question_at_a_time(published: Workspace) -> None:
    with pytest.raises(QueryError, match=r"^these are 2 statements"):
        query(published, "SELECT 1; DROP TABLE analysis.adsl")
    assert query(published, "SELECT 1; -- and no more").rows == [(1,)]


@pytest.mark.parametrize(
    "sql",
    [
        "FROM analysis.adsl LIMIT 1",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "VALUES (1)",
        "SHOW ALL TABLES",
        "DESCRIBE analysis.adsl",
        "SUMMARIZE analysis.adsl",
        "EXPLAIN SELECT 1",
        "PRAGMA table_info('analysis.adsl')",
        "PIVOT (FROM range(2) AS r(n)) ON n IN (0, 1) USING count(*)",
    ],
)
def test_every_way_of_asking_is_answered(published: Workspace, sql: str) -> None:
    assert query(published, sql).rows


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE x (a INTEGER)",
        "CREATE TEMP TABLE x AS SELECT 1",
        "INSERT INTO analysis.adsl SELECT * FROM analysis.adsl",
        "UPDATE analysis.adsl SET siteid = 'x'",
        "DELETE FROM analysis.adsl",
        "DROP TABLE analysis.adsl",
        "ALTER TABLE analysis.adsl DROP COLUMN siteid",
        "COPY analysis.adsl TO 'out.csv'",
        "ATTACH 'out.duckdb'",
        "SET threads = 1",
        "BEGIN",
    ],
)
def test_a_change_is_refused_as_one(published: Workspace, sql: str) -> None:
    with pytest.raises(QueryError, match=r"^a snapshot is read-only"):
        query(published, sql)


def test_what_is_not_there_is_said_in_a_sentence(published: Workspace, tmp_path: Path) -> None:
    for wrong in ("nowhere", "..", "../../store"):
        with pytest.raises(QueryError, match="there is no snapshot"):
            query(published, "SELECT 1", snapshot=wrong)
    with pytest.raises(QueryError, match="nothing has been published yet"):
        query(Workspace(tmp_path / "empty"), "SELECT 1")
    with pytest.raises(QueryError) as error:
        query(published, "SELECT FROM WHERE")
    assert "\n" not in str(error.value)
    assert str(error.value).startswith("Parser Error: syntax error")
    with pytest.raises(QueryError) as error:
        query(published, "SELECT CAST(usubjid AS INTEGER) FROM analysis.adsl")
    assert str(error.value) == "a value cannot be converted to the type asked for."


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE analysis.x (a INTEGER)",
        "INSERT INTO analysis.adsl SELECT * FROM analysis.adsl",
        "UPDATE analysis.adsl SET siteid = 'x'",
        "DELETE FROM analysis.adsl",
        "DROP TABLE analysis.adsl",
        "COMMENT ON TABLE analysis.adsl IS 'x'",
        "COPY analysis.adsl TO '{folder}/out.csv'",
        "EXPORT DATABASE '{folder}/out'",
        "ATTACH '{folder}/out.duckdb'",
        "ATTACH '{other}' AS u",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM read_blob('{other}')",
        "SELECT * FROM '{secret}'",
        "SELECT * FROM glob('{folder}/*')",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET temp_directory = '{folder}'",
        "PRAGMA profiling_output = '{folder}/out.json'",
    ],
)
@pytest.mark.parametrize("unblinded", [False, True])
def test_nothing_can_be_changed_and_no_other_file_reached(
    published: Workspace, tmp_path: Path, sql: str, unblinded: bool
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("secret\n1\n")
    before = {path: path.stat().st_mtime_ns for path in published.published.rglob("*")}
    other = published.published / ("current.duckdb" if unblinded else "current-unblinded.duckdb")
    with pytest.raises(QueryError):
        query(published, sql.format(folder=tmp_path, secret=secret, other=other.resolve()), unblinded)
    assert {path: path.stat().st_mtime_ns for path in published.published.rglob("*")} == before
    assert not list(tmp_path.glob("out*"))


def test_a_python_variable_is_not_a_table(published: Workspace) -> None:
    rows_of_nobody = [1, 2, 3]
    with pytest.raises(QueryError, match="does not exist"):
        query(published, "SELECT * FROM rows_of_nobody")
    assert len(rows_of_nobody) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_said(workspace: Workspace, night: Night) -> None:
    (night() / "unblinded.duckdb").chmod(0)
    with pytest.raises(QueryError, match="cannot be opened"):
        query(workspace, "SELECT 1", unblinded=True)


ANSWER = Answer(
    ["t", "n", "d", "x", "day", "at", "ok", "list"],
    ["VARCHAR", "BIGINT", "DECIMAL(20,3)", "DOUBLE", "DATE", "TIMESTAMP WITH TIME ZONE", "BOOLEAN", "INTEGER[]"],
    [
        ("=1+1", 2**62, Decimal("12345678901234567.125"), 0.1, date(2026, 5, 1), NOON, True, [1, 2]),
        (None, None, None, float("nan"), None, None, None, None),
        ("宮崎", -1, Decimal("1E+3"), float("inf"), date(1900, 1, 1), NOON, False, []),
    ],
)


def test_json_is_one_array_of_objects_in_column_order() -> None:
    text = render(ANSWER, "json").decode()
    read = json.loads(text, parse_float=Decimal)
    assert [list(row) for row in read] == [ANSWER.names] * 3
    assert read[0] == {
        "t": "=1+1",
        "n": 2**62,
        "d": Decimal("12345678901234567.125"),
        "x": Decimal("0.1"),
        "day": "2026-05-01",
        "at": "2026-05-01T12:00:00+00:00",
        "ok": True,
        "list": [1, 2],
    }
    assert set(read[1].values()) == {None}
    assert (read[2]["x"], read[2]["d"], read[2]["t"]) == (None, 1000, "宮崎")
    assert json.loads(render(Answer(["a"], ["BIGINT"], []), "json")) == []


def test_csv_has_a_header_and_iso_dates() -> None:
    rows = list(csv.reader(io.StringIO(render(ANSWER, "csv").decode())))
    assert rows[0] == ANSWER.names
    assert rows[1] == [
        "'=1+1",
        str(2**62),
        "12345678901234567.125",
        "0.1",
        "2026-05-01",
        "2026-05-01T12:00:00+00:00",
        "true",
        "[1, 2]",
    ]
    assert rows[2][0] == ""


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0")))
def test_no_text_of_a_csv_runs_as_a_formula(text: str) -> None:
    content = render(Answer(["a", "b"], ["VARCHAR", "VARCHAR"], [(text, "end")]), "csv").decode()
    ((cell, _),) = list(csv.reader(io.StringIO(content)))[1:]
    assert cell in (text, f"'{text}")
    assert not cell.startswith(("=", "@", "\t", "\r")) and (
        not cell.startswith(("+", "-")) or cell[1:2].isdigit() or cell[1:2] == "."
    )


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("-1", "-1"),
        ("+2.5e3", "+2.5e3"),
        ("-1+cmd|'/c calc'!A0", "'-1+cmd|'/c calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\tx", "'\tx"),
        ("a=b", "a=b"),
    ],
)
def test_numbers_stay_numbers_and_formulas_become_text(text: str, cell: str) -> None:
    content = render(Answer(["a"], ["VARCHAR"], [(text,)]), "csv").decode()
    assert next(iter(list(csv.reader(io.StringIO(content)))[1:])) == [cell]


def test_parquet_keeps_types() -> None:
    table = pq.read_table(io.BytesIO(render(ANSWER, "parquet")))
    assert table.column_names == ANSWER.names
    assert table.schema.types == [
        pa.string(),
        pa.int64(),
        pa.decimal128(20, 3),
        pa.float64(),
        pa.date32(),
        pa.timestamp("us", tz="UTC"),
        pa.bool_(),
        pa.string(),
    ]
    assert table.column("at").to_pylist() == [NOON, None, NOON]
    empty = pq.read_table(io.BytesIO(render(Answer(["a"], ["BIGINT"], []), "parquet")))
    assert (empty.num_rows, empty.schema.types) == (0, [pa.int64()])


def test_the_table_shows_every_column_and_row_whatever_it_holds() -> None:
    text = render(Answer(["name", "n"], ["VARCHAR", "BIGINT"], [("[bold]x[/bold]", 1), (None, 22)]), "table").decode()
    lines = [line.split() for line in text.splitlines() if line.strip()]
    assert lines[0] == ["name", "n"]
    assert lines[2:] == [["[bold]x[/bold]", "1"], ["NULL", "22"], ["2", "rows"]]
    assert render(Answer(["n"], ["BIGINT"], [(1,)]), "table").decode().endswith("\n1 row\n")


def test_a_time_of_another_zone_is_told_in_utc() -> None:
    zone = datetime(2026, 5, 1, 21, tzinfo=UTC).astimezone(tz=None).tzinfo
    moment = datetime(2026, 5, 1, 21, tzinfo=zone)
    told: Any = json.loads(render(Answer(["a"], ["TIMESTAMP WITH TIME ZONE"], [(moment,)]), "json"))
    assert datetime.fromisoformat(told[0]["a"]) == moment
    assert told[0]["a"].endswith("+00:00")
