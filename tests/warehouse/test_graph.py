"""The SQL files as a graph, and what they may not contain."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot

from pipelines.warehouse.graph import Graph, GraphError, load_graph
from pipelines.warehouse.lint import inexact_sums
from tests.warehouse.small_trial import SQL, write_files


def test_tables_are_named_after_their_place_and_know_what_they_read(graph: Graph) -> None:
    assert graph.order == ["core.person", "analysis.adsl", "engagement.session", "analysis.adqs"] or graph.order == [
        "core.person", "engagement.session", "analysis.adsl", "analysis.adqs"
    ]  # fmt: skip
    assert graph.queries["analysis.adqs"].reads == ("analysis.adsl", "input.questionnaires")
    assert graph.queries["core.person"].header == "People: one row a person."


def test_the_order_does_not_depend_on_chance(tmp_path: Path) -> None:
    orders = {tuple(write_files(tmp_path / str(i), dict(reversed(list(SQL.items())))).order) for i in range(2)}
    assert len(orders) == 1


def test_lineage_leads_through_ctes_to_the_columns_of_tables(tmp_path: Path) -> None:
    sql = """
        WITH a AS (SELECT *, count(*) OVER (PARTITION BY arm) AS n FROM core.person),
             b AS (SELECT usubjid, arm AS treatment, n FROM a)
        SELECT b.usubjid, s.site_id AS siteid, CAST('2026-01-01' AS DATE) AS randdt, b.treatment || b.n AS arm
        FROM b JOIN core.person AS s USING (usubjid)
    """
    graph = write_files(tmp_path, SQL | {"analysis/adsl": sql})
    assert graph.column_lineage("analysis.adsl") == {
        "usubjid": [("core.person", "usubjid")],
        "siteid": [("core.person", "site_id")],
        "randdt": [],
        "arm": [("core.person", "arm")],
    }


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 1 AS a; SELECT 2 AS a", "holds 2 statements; expected one SELECT"),
        ("SELECT 1 AS a;\n-- the end", "has text after its semicolon"),
        ("-- nothing", "holds 0 statements; expected one SELECT"),
        ("CREATE TABLE x (a INT)", "is a CREATE statement; expected a SELECT"),
        ("DELETE FROM core.person", "is a DELETE statement; expected a SELECT"),
        ("SELECT FROM WHERE (", "cannot be read as SQL"),
        ("SELECT usubjid FROM analysis.adsl", "reads analysis.adsl, which lies in a later layer than core"),
        ("SELECT a FROM core.nowhere", "reads core.nowhere, which nothing makes"),
        ("SELECT a FROM person", "reads `person` without its layer; write <layer>.person"),
        ("SELECT a FROM 'x.parquet'", "reads `x.parquet` without its layer"),
        ("SELECT a FROM read_csv('x.csv')", "only tables may be read"),
        ("SELECT $day AS a", "has a parameter; settings come from study.setting"),
        ("SELECT ? AS a", "has a parameter; settings come from study.setting"),
        ("SELECT current_date AS a", "uses current_date, which differs from run to run"),
        ("SELECT now() AS a", "uses now, which differs from run to run"),
        ("SELECT random() AS a", "which differs from run to run"),
        ("SELECT any_value(arm) AS a FROM core.arm", "uses any_value without ORDER BY inside"),
        ("SELECT first(arm) AS a FROM core.arm", "uses first without ORDER BY inside"),
        ("SELECT string_agg(arm, ',') AS a FROM core.arm", "without ORDER BY inside"),
        ("SELECT list(arm) AS a FROM core.arm", "without ORDER BY inside"),
        ("SELECT row_number() OVER (PARTITION BY arm) AS a FROM core.arm", "has a window without ORDER BY"),
        ("SELECT arm FROM core.arm LIMIT 1", "picks rows by LIMIT or DISTINCT ON without ORDER BY"),
        ("SELECT DISTINCT ON (arm) arm FROM core.arm", "picks rows by LIMIT or DISTINCT ON without ORDER BY"),
        ("SELECT * FROM core.arm USING SAMPLE 10", "draws a sample"),
    ],
)
def test_what_a_file_may_not_hold(tmp_path: Path, sql: str, said: str) -> None:
    with pytest.raises(GraphError) as error:
        write_files(tmp_path, SQL | {"core/arm": "SELECT arm FROM study.arm", "core/bad": sql})
    assert str(error.value).startswith("sql/core/bad.sql: ")
    assert said in str(error.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT first(arm ORDER BY label) AS a FROM study.arm",
        "SELECT any_value(arm ORDER BY label) AS a FROM study.arm",
        "SELECT string_agg(arm, ',' ORDER BY arm) AS a FROM study.arm",
        "SELECT row_number() OVER w AS a FROM study.arm WINDOW w AS (ORDER BY arm)",
        "SELECT n AS a FROM range(1, 5) AS r(n)",
        "WITH x AS (SELECT arm FROM study.arm) SELECT arm FROM x ORDER BY arm LIMIT 1",
        "SELECT arm FROM study.arm -- the end\n;\n",
    ],
)
def test_what_a_file_may_hold(tmp_path: Path, sql: str) -> None:
    assert "core.fine" in write_files(tmp_path, SQL | {"core/fine": sql}).order


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * EXCLUDE (arm) FROM study.arm", "uses * EXCLUDE"),
        ("SELECT COLUMNS('a.*') FROM study.arm", "uses COLUMNS"),
        ("SELECT a.arm FROM study.arm AS a ASOF JOIN study.arm AS b ON a.arm >= b.arm", "uses an ASOF join"),
        ("SELECT list(arm ORDER BY arm) AS a FROM study.arm", "uses a list aggregate"),
        ("SELECT list_filter([1], lambda x: x > 1) AS a", "uses a lambda"),
    ],
)
def test_engagement_stays_portable(tmp_path: Path, sql: str, said: str) -> None:
    with pytest.raises(GraphError, match=said.replace("*", r"\*")):
        write_files(tmp_path, SQL | {"engagement/bad": sql})
    write_files(tmp_path / "elsewhere", SQL | {"core/fine": sql})


def test_tables_that_read_each_other_are_refused(tmp_path: Path) -> None:
    ring = {"core/a": "SELECT b FROM core.b", "core/b": "SELECT a AS b FROM core.a"}
    with pytest.raises(GraphError, match="tables read each other in a circle: core"):
        write_files(tmp_path, SQL | ring)


def test_problems_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(GraphError) as error:
        write_files(tmp_path, SQL | {"core/a": "SELECT 1; SELECT 2", "core/b": "SELECT now() AS x"})
    assert len(error.value.problems) == 2


def test_inexact_sums_are_found(graph: Graph) -> None:
    for sql, count in (
        ("SELECT sum(aval) AS a FROM analysis.adqs", 1),
        ("SELECT sum(CAST(aval AS DECIMAL(18, 6))) AS a FROM analysis.adqs", 0),
        ("SELECT sum(aval ORDER BY usubjid) AS a FROM analysis.adqs", 0),
        ("SELECT sum(nitem) AS a FROM analysis.adqs", 0),
    ):
        tree = sqlglot.parse_one(sql, read="duckdb")
        assert isinstance(tree, sqlglot.exp.Query)
        assert len(inexact_sums(tree, graph.schema)) == count, sql


def test_the_projects_own_sql() -> None:
    graph = load_graph()
    undocumented = set(graph.queries) - set(graph.dictionary)
    assert not undocumented
    for name in graph.order:
        assert list(graph.column_lineage(name)) == list(graph.dictionary[name].columns), name
        assert not inexact_sums(graph.queries[name].tree, graph.schema), name
    assert graph.column_lineage("analysis.adsl")["arm"], "the arm comes from somewhere"
