"""The build database: tables of the dictionary's shape, or a refusal that names them and no values."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse import database
from pipelines.warehouse.build import derive, put_rows, start_build
from pipelines.warehouse.checks import dictionary_gaps, duplicate_keys, rows_without_subject
from pipelines.warehouse.database import build_file, one_thread_a_statement, open_build, transaction
from pipelines.warehouse.dictionary import Table
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.graph import Graph
from pipelines.workspace import Workspace
from tests.warehouse.conftest import Build
from tests.warehouse.small_trial import AS_OF, SQL, TABLES, deliveries, write_files


def test_every_table_is_built_with_the_declared_types(build: Build, graph: Graph) -> None:
    with open_build(build()) as con:
        assert con.execute("SELECT count(*) FROM analysis.adsl").fetchone() == (60,)
        assert con.execute("SELECT typeof(nitem), typeof(aval) FROM analysis.adqs LIMIT 1").fetchone() == (
            "BIGINT",
            "DOUBLE",
        )
        kinds = con.execute("SELECT table_type FROM information_schema.tables WHERE table_name = 'person'").fetchall()
        assert kinds == [("VIEW",)]
        assert dictionary_gaps(con, graph.dictionary).holds


def test_a_stale_build_is_removed(workspace: Workspace, ict_sad: Protocol) -> None:
    workspace.build.mkdir(parents=True)
    (workspace.build / "build.duckdb").write_bytes(b"half of a database")
    (workspace.build / "build.duckdb.wal").write_bytes(b"of another night")
    start_build(workspace, ict_sad, [], AS_OF)
    assert build_file(workspace).stat().st_mode & 0o777 == 0o600
    with open_build(workspace) as con:
        assert con.execute("SELECT as_of FROM study.setting").fetchone() == (AS_OF,)


def test_rows_and_seconds_are_told(workspace: Workspace, ict_sad: Protocol, graph: Graph, tmp_path: Path) -> None:
    start_build(workspace, ict_sad, deliveries(tmp_path / "drops"), AS_OF)
    made = derive(workspace, "core.person", graph)
    assert (made.table, made.n_rows) == ("core.person", 60)
    assert made.seconds > 0


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT usubjid, site_id AS siteid, arm FROM core.person", "the SQL lacks randdt"),
        (
            "SELECT usubjid, site_id AS siteid, randomised_on AS randdt, arm, 1 AS x FROM core.person",
            "the dictionary lacks x",
        ),
        (
            "SELECT usubjid, arm, site_id AS siteid, randomised_on AS randdt FROM core.person",
            "the order differs: the SQL has usubjid, arm, siteid, randdt",
        ),
        (
            "SELECT usubjid, site_id AS siteid, CAST(randomised_on AS VARCHAR) AS randdt, arm FROM core.person",
            "randdt is VARCHAR, the dictionary says DATE",
        ),
        (
            "SELECT nobody FROM core.person",
            'sql/analysis/adsl.sql could not be run: Binder Error: Referenced column "nobody"',
        ),
    ],
)
def test_columns_must_be_those_of_the_dictionary(
    sql: str, said: str, workspace: Workspace, ict_sad: Protocol, tmp_path: Path
) -> None:
    graph = write_files(tmp_path / "wrong", SQL | {"analysis/adsl": sql})
    start_build(workspace, ict_sad, [], AS_OF)
    derive(workspace, "core.person", graph)
    with pytest.raises(WarehouseError) as error:
        derive(workspace, "analysis.adsl", graph)
    assert said in str(error.value)


def test_a_participants_value_is_not_in_the_error(workspace: Workspace, ict_sad: Protocol, tmp_path: Path) -> None:
    sql = SQL["analysis/adqs"].replace("CAST(count(*) AS HUGEINT)", "CAST(max(q.subject_id) AS INTEGER)")
    graph = write_files(tmp_path / "wrong", SQL | {"analysis/adqs": sql})
    start_build(workspace, ict_sad, deliveries(tmp_path / "drops"), AS_OF)
    for name in ("core.person", "analysis.adsl"):
        derive(workspace, name, graph)
    with pytest.raises(WarehouseError) as error:
        derive(workspace, "analysis.adqs", graph)
    assert "P0" not in str(error.value)
    assert error.value.__cause__ is None and error.value.__suppress_context__
    assert str(error.value).endswith("a value cannot be converted to the type asked for")


def test_rows_from_python(workspace: Workspace, ict_sad: Protocol, graph: Graph) -> None:
    start_build(workspace, ict_sad, [], AS_OF)
    rows = [(f"s-{i}", "oxford", None, "x") for i in range(450)]
    assert put_rows(workspace, "analysis.adsl", rows, graph.dictionary) == 450
    with open_build(workspace) as con:
        assert con.execute("SELECT count(DISTINCT usubjid) FROM analysis.adsl").fetchone() == (450,)


def test_every_change_of_the_build_goes_through_effects(workspace: Workspace, ict_sad: Protocol, graph: Graph) -> None:
    start_build(workspace, ict_sad, [], AS_OF)

    def refuse(kind: str, path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    with effects.watched(refuse), pytest.raises(OSError, match="No space"):
        derive(workspace, "core.person", graph)


@pytest.mark.parametrize(("many_rows", "threads"), [(10**6, 1), (0, 3)])
def test_a_statement_over_little_takes_one_core_while_several_run(
    build: Build, many_rows: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = build()
    monkeypatch.setattr(database, "MANY_ROWS", many_rows)
    with open_build(workspace) as con:
        con.execute("SET threads = 3")
        with one_thread_a_statement(workspace):
            assert con.execute("SELECT current_setting('threads')").fetchone() == (threads,)


def test_what_fails_in_a_transaction_leaves_nothing_of_it(build: Build) -> None:
    with open_build(build()) as con:
        with pytest.raises(ValueError, match="half way"), transaction(con):
            con.execute("DELETE FROM analysis.adsl")
            raise ValueError("half way")
        assert con.execute("SELECT count(*) FROM analysis.adsl").fetchone() == (60,)
        with transaction(con):
            con.execute("DELETE FROM analysis.adsl")
        assert con.execute("SELECT count(*) FROM analysis.adsl").fetchone() == (0,)


def test_keys_are_checked(build: Build, graph: Graph) -> None:
    table = graph.dictionary["analysis.adsl"]
    with open_build(build()) as con:
        assert duplicate_keys(con, table).holds
        con.execute("INSERT INTO analysis.adsl SELECT * FROM analysis.adsl ORDER BY usubjid LIMIT 3")
        con.execute("INSERT INTO analysis.adsl VALUES (NULL, 'oxford', NULL, NULL)")
        finding = duplicate_keys(con, table)
    assert finding.count == 3
    assert finding.message == ("analysis.adsl: 3 rows repeat a key (usubjid); in 1 a part of it is missing")


def test_rows_of_nobody_are_counted(build: Build, graph: Graph) -> None:
    table = graph.dictionary["analysis.adqs"]
    with open_build(build()) as con:
        assert rows_without_subject(con, table).holds
        con.execute("DELETE FROM analysis.adsl WHERE usubjid = 'oxford-P000'")
        assert rows_without_subject(con, table).count == 2


def test_gaps_between_dictionary_and_build_are_counted(build: Build, graph: Graph) -> None:
    dictionary = {n: t for n, t in graph.dictionary.items() if n != "engagement.session"}
    adsl = dictionary["analysis.adsl"]
    columns = {n: c for n, c in adsl.columns.items() if n != "arm"}
    columns["siteid"] = columns["siteid"].model_copy(update={"type": "BIGINT"})
    dictionary["analysis.adsl"] = adsl.model_copy(update={"columns": columns})
    dictionary["analysis.adae"] = Table(**{**adsl.model_dump(), "table": "analysis.adae"})
    with open_build(build()) as con:
        finding = dictionary_gaps(con, dictionary)
    assert finding.message.split("; ") == [
        "engagement.session is not in the dictionary",
        "analysis.adae is in the dictionary and was not built",
        "analysis.adsl.arm is not in the dictionary",
        "analysis.adsl.siteid is VARCHAR, the dictionary says BIGINT",
    ]
    assert finding.count == 4


def test_an_empty_trial_builds(build: Build, graph: Graph) -> None:
    with open_build(build([])) as con:
        assert dictionary_gaps(con, graph.dictionary).holds
        for name in ("analysis.adsl", "analysis.adqs"):
            assert duplicate_keys(con, graph.dictionary[name]).holds
            assert rows_without_subject(con, graph.dictionary[name]).holds


def test_the_small_trial_is_like_the_projects_dictionary() -> None:
    assert {name.replace("/", ".") for name in TABLES} <= {name.replace("/", ".") for name in SQL}
