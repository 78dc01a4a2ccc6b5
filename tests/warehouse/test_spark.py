"""The engagement layer on Spark: the very same SQL files give the very same rows.

Skipped only where there is no Java; where there is one, a missing pyspark fails.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipelines.deployment.engine import Spark
from pipelines.study.load import Protocol
from pipelines.warehouse.database import open_build
from pipelines.warehouse.engines import ON_SPARK
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.graph import Graph, load_graph
from pipelines.warehouse.spark import SparkEngine, java, start_spark
from pipelines.warehouse.spark_sql import spark_sql
from pipelines.workspace import Workspace
from tests.sql.trial import MEMORY, Tables, Trial, at
from tests.warehouse.conftest import Build

needs_java = pytest.mark.skipif(java() is None, reason="there is no Java on this machine")
GRAPH = load_graph()
NAMES = [name for name in GRAPH.order if name.startswith(f"{ON_SPARK}.")]
EVENTS = ("login", "page_view", "module_released", "module_opened", "module_completed", "message_sent", "reminder_sent")


@pytest.fixture(scope="module")
def tables(ict_sad: Protocol) -> Tables:
    """A busy trial as DuckDB derives it: three zones, a change of clocks, ties, gaps to the microsecond."""
    return busy_trial(ict_sad).tables(*NAMES)


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkEngine]:
    """In a Java that compiles quickly rather than well, and has one thread for its refuse: it lives for seconds."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        engine = start_spark(Spark(master="local[1]"), tmp_path_factory.mktemp("spark") / "build")
    yield engine
    engine.session.stop()


def busy_trial(protocol: Protocol) -> Trial:
    dice, trial = random.Random(7), Trial(protocol, as_of=date(2026, 8, 1))
    modules = [module.module for module in protocol.study.modules]
    for number in range(9):
        site = protocol.study.sites[number % 3].site
        name = f"{number:03}"
        arm = "TAU" if number == 8 else "ICT"
        trial.person(name, arm, date(2026, 3, 2) + timedelta(days=number), site_id=site)
        when = at("2026-03-01T22:00") + timedelta(days=number)
        for _ in range(120):
            when += timedelta(microseconds=dice.choice([0, 1_000_000, 1_800_000_000, 1_800_000_001, 40_000_000_000]))
            trial.event(
                name, when, dice.choice(EVENTS), site_id=site,
                actor=dice.choice(["participant"] * 4 + ["therapist", "system"]),
                module=dice.choice([None, *modules]), duration_s=dice.choice([None, 0.1, 12.345678, 4000.0]),
            )  # fmt: skip
        for week in range(6):
            minutes = dice.choice([None, 0.1, 12.0, 33.333333])
            trial.contact(
                name, when + timedelta(days=7 * week), dice.choice(["call", "message"]), minutes=minutes, site_id=site
            )
    return trial


@needs_java
def test_both_engines_give_the_same_rows(spark: SparkEngine, tables: Tables) -> None:
    compared = 0
    for name in NAMES:
        selected = spark.make(tables.con, GRAPH.queries[name], file=MEMORY)
        typed = ", ".join(
            f"CAST({column} AS {kind}) AS {column}" for column, kind in GRAPH.dictionary[name].types.items()
        )
        theirs = f"SELECT {typed} FROM ({selected})"
        ours = f"SELECT {', '.join(GRAPH.dictionary[name].types)} FROM {name}"
        assert tables.rows(f"({theirs}) EXCEPT ALL ({ours})") == [], f"{name}: rows that only Spark makes"
        assert tables.rows(f"({ours}) EXCEPT ALL ({theirs})") == [], f"{name}: rows that only DuckDB makes"
        compared += tables.row(f"SELECT count(*) FROM {name}")[0]
    assert compared > 1000


@needs_java
def test_an_error_of_sparks_names_the_file_and_no_value(spark: SparkEngine, tables: Tables) -> None:
    query = replace(
        GRAPH.queries["engagement.session"],
        sql="SELECT CAST(p.usubjid AS BIGINT) AS n FROM core.subject AS p",
        reads=("core.subject",),
    )
    with pytest.raises(WarehouseError) as error:
        spark.make(tables.con, query, file=MEMORY)
    assert str(error.value) == "sql/engagement/session.sql could not be run on Spark: CAST_INVALID_INPUT"
    assert error.value.__suppress_context__


def test_division_keeps_every_digit_and_times_their_microseconds() -> None:
    said = spark_sql("SELECT epoch_us(s.started_at) / 7 AS x FROM engagement.session AS s")
    assert said == "SELECT CAST(UNIX_MICROS(s.started_at) AS DOUBLE) / 7 AS x FROM engagement__session AS s"


def test_what_only_helps_duckdb_is_left_out() -> None:
    assert (
        spark_sql("WITH a AS MATERIALIZED (SELECT 1 AS x) SELECT x FROM a")
        == "WITH a AS (SELECT 1 AS x) SELECT x FROM a"
    )


def test_without_java_the_message_says_what_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(WarehouseError, match="needs Java 17 or later"):
        start_spark(Spark(), tmp_path / "build")


@needs_java
def test_the_build_takes_its_engagement_from_spark_where_the_deployment_says_so(
    spark: SparkEngine, build: Build, graph: Graph, workspace: Workspace
) -> None:
    expected = "SELECT * FROM engagement.session ORDER BY ALL"
    with open_build(build()) as con:
        by_duckdb = con.execute(expected).fetchall()
    workspace.deployment_file.write_text("engine: spark\nspark: {master: 'local[1]'}\n")
    with open_build(build()) as con:
        assert con.execute(expected).fetchall() == by_duckdb
    assert list((workspace.build / "spark" / "engagement__session").glob("*.parquet"))
