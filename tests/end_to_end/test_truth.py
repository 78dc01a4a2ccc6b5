"""The whole way over a simulated trial: what is published equals what is true, row by row.

The simulator works its truth out of its own records; see `pipelines.simulate.truth`.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines.quality.derived_steps import kinds_of_checks
from pipelines.simulate import simulate
from pipelines.simulate.cross_faults import STRANGER
from pipelines.simulate.export import PRIVATE, PRIVATE_ELSEWHERE
from pipelines.simulate.faults import PRIVATE_MAIL
from pipelines.warehouse.database import close_build, open_build
from tests.end_to_end.trial import Trial
from tests.quality.checked import of_checks, of_units
from tests.report.board import recount

TODAY = date(2025, 11, 15)
OPEN_TRIAL = Path(__file__).parents[1] / "simulate" / "studies" / "open_trial.yaml"
PUBLISHED = {
    "adsl": "analysis.adsl",
    "score": "analysis.adqs",
    "adqw": "analysis.adqw",
    "adae": "analysis.adae",
    "adtte": "analysis.adtte",
    "session": "engagement.session",
    "participant_week": "engagement.participant_week",
    "module_progress": "engagement.module_progress",
    "day_state": "engagement.day_state WHERE day < (SELECT as_of FROM meta.snapshot)",
    "delivery": "quality.delivery",
    "quarantine": "quality.quarantine JOIN quality.delivery USING (delivery_id, site_id, feed)",
}
# Sums of thirds and sevenths may differ in their last bits.
DECIMALS = 9


@contextmanager
def published(trial: Trial, name: str = "current-unblinded") -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(trial.workspace.published / f"{name}.duckdb"), read_only=True)
    connection.execute("SET TimeZone='UTC'")
    try:
        yield connection
    finally:
        connection.close()


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str) -> list[dict[str, Any]]:
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def differences(trial: Trial) -> dict[str, list[dict[str, Any]]]:
    """For each table, rows that are true and not published, and rows that are published and not true."""
    found: dict[str, list[dict[str, Any]]] = {}
    with published(trial) as connection:
        for name, table in PUBLISHED.items():
            truth = pl.read_parquet(trial.workspace.root / "truth" / f"{name}.parquet")
            connection.register("truth", truth.to_arrow())
            columns = ", ".join(
                f"round({column}, {DECIMALS}) AS {column}" if kind.is_float() else column
                for column, kind in truth.schema.items()
            )
            true, ours = f"(SELECT {columns} FROM truth)", f"(SELECT {columns} FROM {table})"
            for meaning, one, other in (("missing", true, ours), ("untrue", ours, true)):
                rows = rows_of(connection, f"FROM {one} EXCEPT ALL FROM {other} ORDER BY ALL LIMIT 5")
                if rows:
                    found[f"{name}, {meaning}"] = rows
            connection.unregister("truth")
    return found


def simulated(root: Path, study: str | Path, participants: int, seed: int, *, faults: bool) -> Trial:
    trial = Trial(root / "trial", study)
    simulate(
        trial.workspace,
        trial.workspace.protocol(),
        participants,
        seed,
        faults=faults,
        today=TODAY,
        events=300,
    )
    return trial


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    trial = simulated(tmp_path_factory.mktemp("faulty"), "ict_sad", 60, 1, faults=True)
    trial.night_here("--as-of", str(TODAY))
    return trial


def test_without_faults_every_row_is_true(tmp_path: Path) -> None:
    """As people do it, on the day itself."""
    trial = Trial(tmp_path / "trial")
    trial.run("simulate", "--participants", "36", "--seed", "7", expect=0)
    today = json.loads((trial.workspace.root / "truth" / "simulation.json").read_bytes())["today"]
    trial.nightly("--as-of", today)
    assert differences(trial) == {}
    (counts,) = trial.query("SELECT count(*) FILTER (WHERE ittfl = 'Y') AS randomised FROM analysis.adsl")
    assert counts["randomised"] == 36


def test_with_faults_every_row_is_true(faulty: Trial) -> None:
    assert differences(faulty) == {}


def test_a_quite_different_study_is_true_as_well(tmp_path: Path) -> None:
    """No arms, other formats, time zones, windows and scoring rules, a value set: nothing of it is known to the
    code."""
    study = tmp_path / "open_trial.yaml"
    text = OPEN_TRIAL.read_text(encoding="utf-8")
    valued = text.replace("eq5d5l, visits: ", "eq5d5l, value_sets: {any: additive.yaml}, visits: ")
    study.write_text(valued, encoding="utf-8")
    shutil.copytree(OPEN_TRIAL.parent / "instruments", tmp_path / "instruments")
    trial = simulated(tmp_path, study, 40, 2, faults=True)
    trial.night_here("--as-of", str(TODAY))
    assert differences(trial) == {}


def test_units_add_up_to_what_every_check_of_the_report_says(faulty: Trial) -> None:
    with open_build(faulty.workspace) as build:
        cards = build.execute("SELECT check_name, site_id, n_evaluated, n_failing FROM quality.check_card").fetchall()
        assert of_units(build, TODAY) == of_checks(cards)
        assert sum(n_failing > 0 for *_, n_failing in cards) > 20
        sums = build.execute(
            "SELECT number, site_id, sum(n), sum(x), sum(n), sum(x) FROM made "
            "WHERE number NOT LIKE 'central|%' GROUP BY ALL"
        ).fetchall()
        cells = build.execute(
            "SELECT 'grid|' || grid_column, site_id, n_evaluated, n_failing FROM quality.check_grid"
        ).fetchall()
        kinds, _ = kinds_of_checks(sums, [])
        assert {row[:2]: row[2:4] for row in kinds} == {cell[:2]: cell[2:] for cell in cells}
    close_build(faulty.workspace)


def test_every_fault_ends_as_it_must(faulty: Trial) -> None:
    with published(faulty) as connection:
        deliveries = {
            (row["site_id"], row["feed"], row["file_name"]): row for row in rows_of(connection, "FROM quality.delivery")
        }
        refused = rows_of(connection, "FROM quality.quarantine")
    assert len(faults_of(faulty)) > 40
    for fault in faults_of(faulty):
        delivery, expected = deliveries[fault["site"], fault["feed"], fault["file"]], fault["expected"]
        if "status" in expected:
            assert delivery["status"] == expected["status"], fault
            assert delivery["reason"], fault
            continue
        assert delivery["status"] in ("accepted", "partial"), fault
        for column in expected.get("unknown_columns", ()):
            assert column in delivery["unknown_columns"].split(", "), fault
        if "rule" in expected:
            place = (delivery["delivery_id"], expected["rule"])
            listed = [row for row in refused if (row["delivery_id"], row["rule"]) == place]
            assert set(fault["rows"]) <= {row["row_no"] for row in listed}, fault
            assert all(row["message"] for row in listed), fault


def test_every_planted_contradiction_opens_exactly_its_query(faulty: Trial) -> None:
    """What no row shows by itself. Beside the planted ones only people whose own row was refused are unknown."""
    with published(faulty) as connection:
        queries = rows_of(connection, "FROM quality.data_query")
        refused = [row for row in queries if (row["feed"], row["rule"]) == ("participants", "unknown_code")]
    planted = [f for f in faults_of(faulty) if "query" in f["expected"]]
    assert len({fault["expected"]["query"]["rule"] for fault in planted}) >= 11
    asked = set()
    for fault in planted:
        rule, about = fault["expected"]["query"].values()
        found = [q for q in queries if (q["rule"], q["site_id"]) == (rule, fault["site"]) and is_about(q, about)]
        assert len(found) == 1, (fault, found)
        assert found[0]["status"] == ("closed" if "closed_by" in fault["expected"] else "open"), (fault, found)
        asked.add(found[0]["query_id"])
    rules = {fault["expected"]["query"]["rule"] for fault in planted}
    others = [q for q in queries if q["rule"] in rules and q["status"] != "closed" and q["query_id"] not in asked]
    assert {q["subject_id"] for q in others} <= {q["subject_id"] for q in refused}, others


def is_about(query: dict[str, Any], about: str) -> bool:
    return about == query["record_key"] or query["record_key"].startswith(f"{about}|")


def faults_of(trial: Trial) -> list[dict[str, Any]]:
    faults: list[dict[str, Any]] = json.loads((trial.workspace.root / "truth" / "faults.json").read_bytes())
    return faults


def test_every_refused_row_opens_its_query_and_no_other_rule_of_reading_asks(faulty: Trial) -> None:
    with published(faulty) as connection:
        asked = rows_of(connection, "SELECT site_id, feed, rule, status FROM quality.data_query")
    expected = {(f["site"], f["feed"], f["expected"]["rule"]) for f in faults_of(faulty) if "rule" in f["expected"]}
    rules = {rule for *_, rule in expected}
    found = {(q["site_id"], q["feed"], q["rule"]) for q in asked if q["rule"] in rules and q["status"] != "closed"}
    assert len(expected) > 12
    assert found == expected


def test_every_site_has_its_list(faulty: Trial) -> None:
    latest = faulty.workspace.reports / "latest" / "sites"
    for site, other in (("oxford", "miyazaki"), ("hong_kong", "oxford"), ("miyazaki", "hong_kong")):
        page = (latest / site / "queries.html").read_text(encoding="utf-8")
        with published(faulty) as connection:
            mine, theirs = (
                {row["query_id"] for row in rows_of(connection, f"FROM quality.data_query WHERE site_id = '{s}'")}
                for s in (site, other)
            )
        assert any(number in page for number in mine) and not any(number in page for number in theirs)
        assert (latest / site / "queries.csv").is_file()


def test_every_number_of_the_board_s_report_is_the_snapshot_s(faulty: Trial) -> None:
    page = (faulty.workspace.reports / "latest" / "open.html").read_text(encoding="utf-8")
    database = faulty.workspace.published / "current.duckdb"
    with recount.snapshot(database, faulty.workspace.protocol().study) as con:
        assert recount.other_cells(page, con) == recount.missing_sentences(page, con) == []
        assert recount.other_needles(page, con) == {}
        assert recount.other_cards(page, con) == []


def test_strangers_are_counted_and_never_analysed(faulty: Trial) -> None:
    with published(faulty) as connection:
        for table in ("analysis.adsl", "analysis.adqs", "engagement.session", "engagement.module_progress"):
            rows = rows_of(connection, f"SELECT DISTINCT usubjid FROM {table}")
            assert len(rows) > 10
            assert not any(STRANGER in row["usubjid"] for row in rows), table


def test_a_score_is_walked_back_to_the_cells_of_the_file_that_the_site_sent(faulty: Trial) -> None:
    (row,) = faulty.query(
        "SELECT usubjid, aval FROM analysis.adqs WHERE siteid = 'oxford' AND paramcd = 'PHQ9' AND avisit = 'WEEK 8' "
        "AND anl01fl = 'Y' AND srcform = 'visit' AND visit = 'WEEK 8' AND nmiss = 0 ORDER BY usubjid LIMIT 1"
    )
    words = ("analysis.adqs", f"usubjid={row['usubjid']}", "paramcd=PHQ9", "avisit=WEEK 8")
    found = json.loads(faulty.run("trace", *words, "--json", expect=0).stdout)
    answers = found["steps"][-1]["rows"]
    assert found["value"] == row["aval"] and len(answers) == 9
    cells = []
    for answer in answers:
        lines = (faulty.folder("oxford", "questionnaires") / answer["file_name"]).read_text().splitlines()
        header, line = next(csv.reader(lines[:1])), next(csv.reader([lines[answer["line_no"] - 1]]))
        cells.append(int(line[header.index(answer["source_column"])]))
    assert sum(cells) == row["aval"]
    assert "rows" in faulty.run_here("trace", *words, expect=0).stdout
    unclear = faulty.run_here("trace", *words[:2], expect=2)
    assert unclear.stderr.startswith("more than one row of analysis.adqs is like that")


def test_nothing_private_is_kept_beside_the_originals(faulty: Trial) -> None:
    """Names and addresses in columns that no feed knows stay in the originals and go nowhere else."""
    secrets = [*PRIVATE.values(), PRIVATE_ELSEWHERE, PRIVATE_MAIL]
    landing = b"".join(path.read_bytes() for path in faulty.workspace.landing.rglob("*.csv"))
    assert all(secret.encode() in landing or secret.encode("cp932") in landing for secret in secrets)
    root = faulty.workspace.root
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).parts
        if not path.is_file() or inside[0] in ("landing", "truth") or inside[:2] == ("store", "originals"):
            continue
        if path.suffix == ".parquet":
            text = str(pl.read_parquet(path).rows()).encode()
        elif path.suffix == ".duckdb":
            text = all_text(path)
        else:
            text = path.read_bytes()
        for secret in secrets:
            assert secret.encode() not in text, (path, secret)


def all_text(database: Path) -> bytes:
    """Every table of a database as CSV."""
    connection = duckdb.connect(str(database), read_only=True)
    try:
        tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        rows = [connection.execute(f'FROM "{schema}"."{table}"').fetchall() for schema, table in tables]
    finally:
        connection.close()
    return str(rows).encode()


def test_what_comes_late_ends_the_same(faulty: Trial, tmp_path: Path) -> None:
    """An increment and the first full export come a night after everything else; the exports' periods, not the
    nights, say which of them holds the later truth."""
    trial = Trial(tmp_path / "trial")
    shutil.copytree(faulty.workspace.landing, trial.workspace.landing, dirs_exist_ok=True)
    shutil.copytree(faulty.workspace.root / "truth", trial.workspace.root / "truth")
    late = sorted(
        [*trial.workspace.landing.glob("*/usage/late_*"), *trial.workspace.landing.glob("oxford/*/*DATA_2025-07*")]
    )
    assert len(late) == 5
    waiting = tmp_path / "waiting"
    for path in late:
        held = waiting / path.relative_to(trial.workspace.landing)
        held.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, held)
    trial.night_here("--as-of", str(TODAY))
    assert differences(trial) != {}
    shutil.copytree(waiting, trial.workspace.landing, dirs_exist_ok=True)
    trial.night_here("--as-of", str(TODAY))
    assert differences(trial) == {}
