"""One night over the whole corpus, dropped together with good files at every site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.validation.rows import QUARANTINE, RESULT, VARIABLES
from tests.corpus.cases import CASES, Refused, Rejected
from tests.corpus.drop import GOOD, drop_everything, people
from tests.corpus.kinds import KINDS, N_ROWS, answers, write_study
from tests.corpus.table import CANARY
from tests.end_to_end.trial import Trial

DATABASES = ("blinded", "unblinded")


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trial, str]:
    """The trial after its night, and all that the night said."""
    root = tmp_path_factory.mktemp("corpus")
    trial = Trial(root / "trial", write_study(root))
    drop_everything(trial.workspace.landing)
    done = trial.nightly("--as-of", "2026-06-01")
    return trial, done.stdout + done.stderr


def published(trial: Trial, database: str) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(trial.workspace.published / "current" / f"{database}.duckdb"), read_only=True)


def rows_of(trial: Trial, sql: str) -> list[tuple[Any, ...]]:
    with published(trial, "unblinded") as con:
        return con.execute(sql).fetchall()


def test_every_file_is_a_delivery_that_came_to_its_end(night: tuple[Trial, str]) -> None:
    columns = "site_id, feed, file_name, status, n_rows, n_accepted, n_quarantined, n_duplicate, reason"
    rows = rows_of(night[0], f"SELECT {columns} FROM quality.delivery")
    found = {tuple(row[:3]): row[3:] for row in rows}
    assert len(found) == len(CASES) + len(KINDS) + sum(map(len, people().values()))
    for case in CASES.values():
        status, *counts, reason = found[case.kind.site, case.kind.feed, case.file_name]
        if isinstance(case.end, Rejected):
            assert (status, counts) == ("rejected", [None] * 4), case.name
            assert all(said in reason for said in case.end.said), (case.name, reason)
        else:
            expected = [case.n_rows, case.n_rows - case.end.n_rows, case.end.n_rows, 0]
            assert (status, counts) == ("partial", expected), case.name
    for kind in KINDS.values():
        good = found[kind.site, kind.feed, f"{GOOD}/{kind.file_name}"]
        assert good == ("accepted", N_ROWS, N_ROWS, 0, 0, None), kind.name


def test_quarantine_holds_what_the_table_of_expectations_says(night: tuple[Trial, str]) -> None:
    sql = (
        "SELECT d.site_id, d.file_name, q.row_no, q.rule, q.column_name FROM quality.quarantine AS q "
        "JOIN quality.delivery AS d USING (delivery_id)"
    )
    expected = [
        (case.kind.site, case.file_name, *cell)
        for case in CASES.values()
        if isinstance(case.end, Refused)
        for cell in case.end.cells
    ]
    assert sorted(rows_of(night[0], sql)) == sorted(expected)


def test_no_good_form_is_lost(night: tuple[Trial, str]) -> None:
    """Those of every format come out with the total of their answers."""
    sql = "SELECT siteid, subjid, aval FROM analysis.adqs WHERE paramcd = 'GAD7' AND subjid LIKE 'G-%'"
    forms = [kind for kind in KINDS.values() if kind.feed == "questionnaires" and kind.source is not None]
    expected = [
        (kind.site, f"G-{kind.name}-{n}", float(sum(map(int, answers(n)))))
        for kind in forms
        for n in range(1, N_ROWS + 1)
    ]
    assert sorted(rows_of(night[0], sql)) == sorted(expected)


def test_no_good_event_is_lost(night: tuple[Trial, str]) -> None:
    sql = "SELECT siteid, subject_id, n_events FROM engagement.session WHERE left(subject_id, 2) <> 'D-'"
    sessions = {(site, person): n for site, person, n in rows_of(night[0], sql) if int(person.rpartition("-")[2]) < 900}
    people_of = {"oxford": "G-usage-{}", "miyazaki": "G-xapi-{}"}
    expected = {(site, name.format(n)): 1 for site, name in people_of.items() for n in range(1, N_ROWS + 1)}
    expected |= {("miyazaki", str(n)): 1 for n in range(1, N_ROWS + 1)}
    assert sessions == expected
    sql = "SELECT count(*) FROM analysis.adae WHERE subjid LIKE 'G-adverse_events-%'"
    assert rows_of(night[0], sql) == [(N_ROWS,)]
    sql = "SELECT count(*) FROM analysis.adsl WHERE subjid LIKE 'G-redcap_labels-%' OR subjid LIKE 'G-participants-%'"
    assert rows_of(night[0], sql) == [(2 * N_ROWS,)]


def beside_the_rows(trial: Trial) -> Iterator[Path]:
    """Every file that the night left but the originals and the rows read from them."""
    space = trial.workspace
    private = [space.originals, space.rows, space.landing, space.build]
    for path in space.root.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in private):
            yield path


def test_no_cell_is_in_a_log_a_record_a_report_or_a_message(night: tuple[Trial, str]) -> None:
    trial, said = night
    assert CANARY not in said
    searched = list(beside_the_rows(trial))
    assert [path for path in searched if CANARY.encode() in path.read_bytes()] == []
    space = trial.workspace
    for folder in (space.dagster_home, space.nights, space.published, space.reports):
        assert any(path.is_relative_to(folder) for path in searched), folder
    status = trial.run("status", "--json", expect=0)
    assert CANARY not in status.stdout + status.stderr


def test_no_cell_is_in_what_is_kept_of_a_reading_but_its_rows(night: tuple[Trial, str]) -> None:
    read = 0
    for path in night[0].workspace.rows.rglob("*"):
        if path.name == RESULT:
            assert CANARY.encode() not in path.read_bytes(), path
        elif path.name in (VARIABLES, QUARANTINE):
            read += 1
            assert CANARY not in str(pl.read_parquet(path).rows()), path
    assert read > len(CASES) / 3


@pytest.mark.parametrize("database", DATABASES)
def test_no_cell_is_in_a_published_table(night: tuple[Trial, str], database: str) -> None:
    """Asked of each row, for the database packs its texts."""
    with published(night[0], database) as con:
        tables = con.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        assert len(tables) > 10
        for schema, table in tables:
            sql = f'SELECT count(*) FROM "{schema}"."{table}" AS t WHERE contains(t::VARCHAR, $canary)'
            assert con.execute(sql, {"canary": CANARY}).fetchone() == (0,), (schema, table)
