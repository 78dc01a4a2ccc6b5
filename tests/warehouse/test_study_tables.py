"""The protocol as tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.study.load import Protocol
from pipelines.warehouse.study_tables import create_study_tables, study_columns

AS_OF = date(2026, 6, 1)


@pytest.fixture(scope="module")
def con(ict_sad: Protocol) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create_study_tables(connection, ict_sad, AS_OF, "1+abc", file=Path(":memory:"))
        yield connection


def rows(con: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return con.execute(sql).fetchall()


def test_every_table_has_the_columns_it_says(con: duckdb.DuckDBPyConnection) -> None:
    for name, columns in study_columns().items():
        described = {row[0]: row[1] for row in rows(con, f"DESCRIBE {name}")}
        assert described == columns, name


def test_the_setting_is_one_row(con: duckdb.DuckDBPyConnection, ict_sad: Protocol) -> None:
    protocol = ("ict_sad", ict_sad.study.title, "1", "randomisation", True, AS_OF, None, "randomisation", 14, 30)
    outcomes = ("WEEKLY", "when_missing", "LSASTOT", "WEEK 15", "statistician", ict_sad.digest, "1+abc")
    assert rows(con, "SELECT * FROM study.setting") == [(*protocol, *outcomes)]


def test_visits_know_which_arms_have_them(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "SELECT avisit FROM study.visit WHERE NOT shared_by_all_arms") == [("FOLLOW-UP",)]
    assert rows(con, "SELECT arm FROM study.visit_arm WHERE avisit = 'FOLLOW-UP'") == [("ICT",)]
    assert rows(con, "SELECT count(*) FROM study.visit_arm") == [(7,)]
    assert rows(con, "SELECT target_day, window_from, window_to FROM study.visit WHERE avisitn = 8") == [(57, 43, 71)]


def test_a_study_without_arms_has_each_visit_once(ict_sad: Protocol) -> None:
    visits = [visit.model_copy(update={"arms": None}) for visit in ict_sad.study.visits]
    study = ict_sad.study.model_copy(update={"arms": [], "visits": visits, "reference_date": "consent"})
    with duckdb.connect() as con:
        create_study_tables(con, Protocol(study, ict_sad.instruments, "d"), AS_OF, "1", file=Path(":memory:"))
        assert rows(con, "SELECT DISTINCT arm FROM study.visit_arm") == [("",)]
        assert rows(con, "SELECT count(*) FROM study.visit WHERE shared_by_all_arms") == [(4,)]


def test_scores_are_made_of_parts_and_items(con: duckdb.DuckDBPyConnection) -> None:
    assert rows(con, "SELECT paramcd, n_items, maximum FROM study.score ORDER BY paramn LIMIT 2") == [
        ("LSASTOT", 48, 144),
        ("LSASFEAR", 24, 72),
    ]
    parts = "SELECT part, n_items, missing_allowed FROM study.score_part WHERE paramcd = 'LSASSOC' ORDER BY part"
    assert rows(con, parts) == [(1, 11, 2), (2, 11, 2)]
    assert rows(con, "SELECT count(*) FROM study.score_item WHERE paramcd = 'LSASTOT'") == [(48,)]
    assert rows(con, "SELECT instrument, item FROM study.item WHERE may_be_not_applicable") == [("wsas", "1")]


def test_outcome_definitions_are_null_where_undefined(con: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        con,
        "SELECT * EXCLUDE site_id FROM study.outcome_definition "
        "WHERE site_id = 'oxford' AND paramcd IN ('LSASTOT', 'PHQ9') ORDER BY 1",
    )
    assert found == [("LSASTOT", None, 30.0, 28.0, 35.0), ("PHQ9", 6.0, 10.0, None, None)]


def test_a_definition_for_a_country_comes_before_the_general_one(con: duckdb.DuckDBPyConnection) -> None:
    found = rows(con, "SELECT site_id, caseness FROM study.outcome_definition WHERE paramcd = 'SPIN' ORDER BY 1")
    assert found == [("hong_kong", 19.0), ("miyazaki", 22.0), ("oxford", 19.0)]
    named = rows(con, "SELECT site_id, definition FROM study.definition WHERE paramcd = 'SPIN' AND rule = 'caseness'")
    assert sorted(named) == [
        ("hong_kong", "spin_case"), ("miyazaki", "spin_case"), ("miyazaki", "spin_case_japan"), ("oxford", "spin_case"),
    ]  # fmt: skip


def test_sources_say_when_they_are_due(con: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        con,
        "SELECT source, blinding, expected_every_days FROM study.source WHERE site_id = 'oxford' AND feed = 'usage'",
    )
    assert found == [("platform_log", "revealing", 7)]
