"""From derived rows back to delivered records: exactly those that made them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import islice
from typing import Any

import pytest

from pipelines.study.load import Protocol
from pipelines.warehouse.graph import load_graph
from pipelines.warehouse.provenance import is_record, rows_behind
from tests.sql.trial import RANDOMISED, Tables, Trial, at, day, phq9


@pytest.fixture(scope="module")
def tables(ict_sad: Protocol) -> Tables:
    """Two people with forms, a correction, use and calls, so that there is always somebody whose rows are not meant."""
    trial = Trial(ict_sad)
    for subject in ("001", "002"):
        trial.person(subject, status="completed", status_date=RANDOMISED + timedelta(200))
        trial.form(subject, "phq9", day(1), phq9(14), visit="BASELINE")
        trial.form(subject, "phq9", day(57), phq9(6) | {"9": None}, visit="WEEK 8")
        trial.event(subject, at("2026-03-03T10:00"), "login")
        trial.event(subject, at("2026-03-03T10:05"), "module_opened", module="core_01")
        trial.event(subject, at("2026-03-12T10:00"), "login")
        trial.contact(subject, at("2026-03-04T10:00"), minutes=20.0)
    return trial.tables(*(name for name in load_graph().order))


def records(tables: Tables, table: str, columns: str, where: str) -> dict[str, list[str]]:
    """By table of records the keys of those that values were made of."""
    graph = load_graph()
    tables.con.execute(f"CREATE OR REPLACE TEMP TABLE asked AS SELECT * FROM {table} WHERE {where}")
    found: dict[str, list[str]] = {}
    for behind in rows_behind(tables.con, graph, table, columns.split(), "asked"):
        if is_record(graph, behind.table):
            keys = tables.rows(f"SELECT record_key FROM {behind.rows} ORDER BY ALL")
            found[behind.table] = [key for (key,) in keys]
    return found


def answers(subject: str, when: date, visit: str, items: Any) -> list[str]:
    return sorted(f"{subject}|phq9|{visit}|{when}|{item}" for item in items)


# Each row of these is made of the whole trial's: walking back every column of every one would take minutes and tell of
# all records. The bad events behind the board's numbers are named in quality.bad_unit by the keys of their records.
OF_THE_WHOLE_TRIAL = {
    f"quality.{name}"
    for name in (
        "arrival_night", "lag", "entry_lag", "freshness", "currency", "visit_return", "missing_pattern", "flow",
        "recruitment", "recruitment_week", "query_summary", "query_week", "redelivery", "bad_unit",
        "log_quality",
    )
}  # fmt: skip
ONE = "usubjid LIKE '%-001' AND paramcd = 'PHQ9' AND avisit = 'WEEK 8'"


def test_a_score_comes_from_the_answers_of_its_form_and_from_no_empty_cell(tables: Tables) -> None:
    assert records(tables, "analysis.adqs", "aval", ONE) == {
        "core.questionnaires": answers("001", day(57), "WEEK 8", range(1, 9))
    }


def test_a_change_comes_from_the_baseline_form_too(tables: Tables) -> None:
    expected = answers("001", day(1), "BASELINE", range(1, 10)) + answers("001", day(57), "WEEK 8", range(1, 9))
    assert records(tables, "analysis.adqs", "chg", ONE) == {"core.questionnaires": sorted(expected)}


def test_an_age_comes_from_the_persons_own_record(tables: Tables) -> None:
    assert records(tables, "analysis.adsl", "age", "subjid = '002'") == {"core.participants": ["002"]}


def test_a_sessions_length_comes_from_its_first_and_last_event(tables: Tables) -> None:
    found = records(tables, "engagement.session", "duration_s", "usubjid LIKE '%-001' AND session_no = 1")
    assert found["core.usage"] == ["e000001", "e000002"]


def test_a_count_comes_from_the_events_of_its_week(tables: Tables) -> None:
    found = records(tables, "engagement.participant_week", "n_sessions", "usubjid LIKE '%-001' AND week_no = 1")
    assert found["core.usage"] == ["e000001", "e000002"]


def test_therapist_minutes_come_from_the_contacts_of_that_week(tables: Tables) -> None:
    found = records(tables, "engagement.participant_week", "therapist_minutes", "usubjid LIKE '%-002' AND week_no = 1")
    assert found["core.contacts"] == ["c2"]


def test_every_value_of_every_published_table_can_be_walked_back(tables: Tables) -> None:
    graph = load_graph()
    for name in graph.order:
        described = graph.dictionary[name]
        if name in OF_THE_WHOLE_TRIAL or not described.published or not tables.rows(f"SELECT 1 FROM {name} LIMIT 1"):
            continue
        key = ", ".join(described.key)
        first = f"({key}) = (SELECT ({key}) FROM {name} ORDER BY ALL LIMIT 1)"
        records(tables, name, " ".join(described.columns), first)


def test_every_value_of_every_table_can_be_walked_back_a_step(tables: Tables) -> None:
    """Every column of all rows, also of tables that are not published or are made of the whole trial."""
    graph, walked = load_graph(), []
    for name in graph.order:
        if is_record(graph, name) or not tables.rows(f"SELECT 1 FROM {name} LIMIT 1"):
            continue
        tables.con.execute(f"CREATE OR REPLACE TEMP TABLE asked AS SELECT * FROM {name}")
        way = rows_behind(tables.con, graph, name, graph.dictionary[name].columns, "asked")
        assert next(way).table == name
        walked += [(name, behind.table) for behind in islice(way, 1)]
    assert len(walked) > 80
    assert all(behind in graph.queries[name].reads for name, behind in walked)
