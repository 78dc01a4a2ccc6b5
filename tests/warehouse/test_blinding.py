"""The blinded file holds what is marked safe, and not one byte of the rest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.study.load import Protocol
from pipelines.study.study import Blinding
from pipelines.warehouse.blinding import blinded_contents, blinding_key
from pipelines.warehouse.dictionary import load_dictionary
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.snapshot import write_snapshot
from pipelines.workspace import Workspace
from tests.warehouse.conftest import Build
from tests.warehouse.small_trial import AS_OF, NOON


def ask(path: Path, sql: str) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture
def blinded_for(build: Build, graph: Graph, ict_sad: Protocol) -> Callable[..., Path]:
    """The blinded file of a study whose outcomes are seen by …"""

    def made(blinding: Blinding | str) -> Path:
        study = ict_sad.study.model_copy(update={"blinding": blinding})
        protocol = Protocol(study, ict_sad.instruments, ict_sad.digest)
        return write_snapshot(build(), protocol, AS_OF, graph.dictionary, NOON).folder / "blinded.duckdb"

    return made


def test_only_safe_tables_columns_and_rows_are_there(written: Path) -> None:
    path = written / "blinded.duckdb"
    columns = ask(
        path,
        "SELECT table_schema || '.' || table_name || '.' || column_name FROM information_schema.columns "
        "WHERE table_schema <> 'meta' ORDER BY ALL",
    )
    assert [name for (name,) in columns] == [
        "analysis.adqs.adtm",
        "analysis.adqs.aval",
        "analysis.adqs.avisit",
        "analysis.adqs.nitem",
        "analysis.adqs.usubjid",
        "analysis.adsl.randdt",
        "analysis.adsl.siteid",
        "analysis.adsl.usubjid",
    ]
    assert ask(path, "SELECT DISTINCT avisit FROM analysis.adqs ORDER BY 1") == [("BASELINE",), ("WEEK 8",)]
    assert ask(path, "SELECT count(*) FROM analysis.adsl") == [(60,)]
    assert ask(path, "SELECT DISTINCT table_schema FROM information_schema.tables ORDER BY 1") == [
        ("analysis",),
        ("meta",),
    ]


def test_its_dictionaries_describe_it_alone(written: Path) -> None:
    path = written / "blinded.duckdb"
    tables = ask(path, "SELECT table_name FROM meta.table_dictionary WHERE table_name NOT LIKE 'meta%' ORDER BY 1")
    assert tables == [("analysis.adqs",), ("analysis.adsl",)]
    described = ask(path, "SELECT table_name, column_name, position FROM meta.column_dictionary ORDER BY ALL")
    there = ask(
        path,
        "SELECT table_schema || '.' || table_name, column_name, ordinal_position FROM information_schema.columns "
        "ORDER BY ALL",
    )
    assert described == there


def test_outcomes_are_seen_as_the_study_says(blinded_for: Callable[..., Path]) -> None:
    values = "SELECT avisit, count(*), count(aval) FROM analysis.adqs GROUP BY 1 ORDER BY 1"
    assert ask(blinded_for(Blinding(outcomes="statistician")), values) == [("BASELINE", 60, 60), ("WEEK 8", 60, 60)]
    assert ask(blinded_for(Blinding(outcomes="nobody")), values) == [("BASELINE", 60, 60), ("WEEK 8", 60, 0)]


def test_an_unblinded_study_holds_everything_in_both_files(blinded_for: Callable[..., Path]) -> None:
    blinded = blinded_for("none")
    unblinded = blinded.with_name("unblinded.duckdb")
    for table in ("analysis.adsl", "analysis.adqs", "engagement.session"):
        rows = f"SELECT * FROM {table} ORDER BY ALL"
        assert ask(blinded, rows) == ask(unblinded, rows) != []


def test_not_one_byte_tells_an_arm(written: Path) -> None:
    blinded = (written / "blinded.duckdb").read_bytes()
    unblinded = (written / "unblinded.duckdb").read_bytes()
    manifest = (written / "manifest.json").read_bytes()
    # Compression may cut words, so every stretch of four letters of the arms' names is looked for.
    stretches = [word[i : i + 4].encode() for word in ("QXARMONE", "ZVARMTWO") for i in range(5)]
    assert any(stretch in unblinded for stretch in stretches), "the scan finds them where they are"
    for stretch in stretches:
        assert stretch not in blinded
        assert stretch not in manifest
    assert b"n_events" not in blinded


def test_rows_are_ordered_by_a_key_that_is_kept_back(build: Build, graph: Graph, ict_sad: Protocol) -> None:
    order, workspace = "SELECT usubjid FROM analysis.adsl ORDER BY rowid", build()
    written = write_snapshot(workspace, ict_sad, AS_OF, graph.dictionary, NOON).folder
    first = ask(written / "blinded.duckdb", order)
    assert sorted(first) != first and sorted(first) == ask(written / "unblinded.duckdb", order)
    again = write_snapshot(workspace, ict_sad, AS_OF, graph.dictionary, NOON).folder
    assert ask(again / "blinded.duckdb", order) == first

    key = workspace.keys / "blinding.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert workspace.keys.stat().st_mode & 0o777 == 0o700
    assert key.read_bytes().strip() not in (again / "blinded.duckdb").read_bytes()
    key.unlink()
    other = write_snapshot(workspace, ict_sad, AS_OF, graph.dictionary, NOON).folder
    assert ask(other / "blinded.duckdb", order) != first


def test_the_key_is_made_once(workspace: Workspace) -> None:
    assert blinding_key(workspace) == blinding_key(workspace)
    assert len(blinding_key(workspace)) == 64


@pytest.mark.parametrize("seen_by", ["statistician", "nobody"])
def test_the_projects_own_marks(seen_by: Any) -> None:
    parts = {part.name: part for part in blinded_contents(load_dictionary(), seen_by, "key")}
    assert not any(name.startswith("engagement.") for name in parts)
    hidden = {"arm", "trt01p", "trtsdt", "trtedt", "mittfl", "pprotfl", "saffl", "eosstt", "eosdt", "dcsreas"}
    assert not hidden & set(parts["analysis.adsl"].columns)
    assert "aval" in parts["analysis.adqs"].columns
    table = load_dictionary()["analysis.adqs"]
    assert (f"CASE WHEN ({table.baseline_when})" in parts["analysis.adqs"].select) == (seen_by == "nobody")
