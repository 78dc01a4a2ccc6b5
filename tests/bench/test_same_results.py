"""What `make bench` compares comes to the same sessions and weeks, and so does a log that is not as it should be."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pandera.errors import SchemaErrors

from pipelines.study.load import Protocol
from tests.bench.competitors import bare_duckdb, with_pandas, with_polars
from tests.bench.log_trial import AS_OF, write_busy_log, write_log_trial, write_unruly_log
from tests.bench.results import differences
from tests.bench.small_build import built
from tests.bench.ways import CHECKED

EVENTS, PEOPLE, BUSY = 20_000, 40, 5_000
TABLES = ("engagement.session", "engagement.participant_week")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log") / "site"
    write_log_trial(folder, EVENTS, PEOPLE)
    return folder


@pytest.fixture(scope="module")
def ours(site: Path, ict_sad: Protocol, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with built(tmp_path_factory.mktemp("workspace"), ict_sad, site, *TABLES) as con:
        yield con


@pytest.mark.parametrize(
    ("program", "more"),
    [(bare_duckdb, []), (with_polars, []), (with_polars, [CHECKED]), (with_pandas, []), (with_pandas, [CHECKED])],
)
def test_every_way_makes_the_same_sessions_and_weeks(
    program: ModuleType, more: list[str], site: Path, ours: Any, tmp_path: Path
) -> None:
    program.run(str(site), str(tmp_path), AS_OF, *more)
    assert differences(ours, tmp_path, "engagement") == {"session": 0, "participant_week": 0}
    (n,) = ours.execute("SELECT count(*) FROM engagement.session").fetchone()
    assert n == EVENTS // 40, "a session is forty events in a row"


FAULTS = {
    "a code that is none": (",participant,login,", ",nobody,login,"),
    "a time that is none": ("T00:00:00Z,", "T00:00,"),
    "a time of the future": ("2025-01-06T00:00:00Z,", "2999-01-06T00:00:00Z,"),
    "an event that stands there twice": ("\n1,", "\n0,"),
}


@pytest.mark.parametrize("program", [with_polars, with_pandas])
@pytest.mark.parametrize(("was", "becomes"), FAULTS.values(), ids=FAULTS)
def test_the_ways_that_check_find_a_fault(
    program: ModuleType, was: str, becomes: str, site: Path, tmp_path: Path
) -> None:
    log = site / "usage" / "usage.csv"
    faulty = tmp_path / "usage" / "usage.csv"
    shutil.copytree(site, tmp_path, dirs_exist_ok=True)
    faulty.write_text(log.read_text().replace(was, becomes, 1))
    assert faulty.read_bytes() != log.read_bytes()
    with pytest.raises(SchemaErrors):
        program.run(str(tmp_path), str(tmp_path), AS_OF, CHECKED)


def test_one_changed_event_would_show(site: Path, ours: Any, tmp_path: Path) -> None:
    other = tmp_path / "site"
    write_log_trial(other, EVENTS, PEOPLE)
    log = other / "usage" / "usage.csv"
    log.write_text(log.read_text().replace(",participant,login,", ",participant,logout,", 1))
    bare_duckdb.run(str(other), str(tmp_path), AS_OF)
    assert differences(ours, tmp_path, "engagement") == {"session": 0, "participant_week": 2}


def test_a_log_in_no_order_twice_by_two_clocks_and_with_one_busy_person_loses_nothing(
    site: Path, ict_sad: Protocol, tmp_path: Path
) -> None:
    """Its sessions are those that bare DuckDB makes of the same events in order, once each, by one clock."""
    tidy, unruly = tmp_path / "tidy", tmp_path / "unruly"
    for folder in (tidy, unruly):
        write_log_trial(folder, EVENTS, PEOPLE)
    log = tidy / "usage" / "usage.csv"
    write_busy_log(site / "usage" / "usage.csv", log, BUSY)
    write_unruly_log(log, unruly / "usage" / "usage.csv")
    bare_duckdb.run(str(tidy), str(tmp_path), AS_OF)
    with built(tmp_path / "workspace", ict_sad, unruly, *TABLES, "quality.delivery") as con:
        assert differences(con, tmp_path, "engagement") == {"session": 0, "participant_week": 0}
        counts = con.execute(
            "SELECT n_rows, n_accepted, n_quarantined, n_duplicate FROM quality.delivery WHERE feed = 'usage'"
        ).fetchall()
    events = EVENTS + BUSY
    assert counts == [(events * 13 // 10, events, 0, events * 3 // 10)]
