"""Deliveries as tables, whether there are none or a thousand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines.quality.answers import Answer
from pipelines.warehouse.digest import inputs_digest
from pipelines.warehouse.inputs import QUARANTINE, create_inputs, input_columns
from pipelines.warehouse.quoting import parquet as from_files
from tests.warehouse.small_trial import NOON, delivery, parquet

MEMORY = Path(":memory:")


@pytest.fixture
def con() -> Any:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def test_without_deliveries_every_table_is_there_typed_and_empty(con: Any) -> None:
    create_inputs(con, [], file=MEMORY)
    for name, columns in input_columns().items():
        described = {
            row[0]: row[1].replace(" WITH TIME ZONE", "TZ") for row in con.execute(f"DESCRIBE {name}").fetchall()
        }
        assert described == columns, name
        assert con.execute(f"SELECT count(*) FROM {name}").fetchone() == (0,)


def test_times_bring_their_day_and_a_note_on_the_clock() -> None:
    questionnaires = input_columns()["input.questionnaires"]
    assert [questionnaires[c] for c in ("completed_at", "completed_on", "clock_note")] == [
        "TIMESTAMPTZ",
        "DATE",
        "VARCHAR",
    ]
    assert list(questionnaires)[-2:] == ["source_column", "missing_reason"]
    assert "occurred_on" in input_columns()["input.usage"]


def test_only_accepted_and_partial_deliveries_contribute_rows(con: Any, tmp_path: Path) -> None:
    drops = [
        delivery(tmp_path, i, "participants", [{"subject_id": f"P{i}"}], status)
        for i, status in enumerate(("accepted", "partial", "rejected", "held", "repeat"), start=1)
    ]
    refused = [{"delivery_id": "d0002", "row_no": 7, "rule": "missing_key", "column_name": "ID"}]
    quarantine = parquet(tmp_path / "q.parquet", QUARANTINE, refused)
    rows = replace(drops[1].rows, quarantine=quarantine, n_quarantined=1, unknown_columns=["b", "a"])
    drops[1] = replace(drops[1], rows=rows)
    create_inputs(con, reversed(drops), file=MEMORY)

    assert con.execute("SELECT subject_id FROM input.participants ORDER BY 1").fetchall() == [("P1",), ("P2",)]
    assert con.execute("SELECT row_no, rule FROM input.quarantine").fetchall() == [(7, "missing_key")]
    assert con.execute("SELECT sequence, status, n_rows, unknown_columns FROM input.delivery").fetchall() == [
        (1, "accepted", 1, None),
        (2, "partial", 1, "b, a"),
        (3, "rejected", None, None),
        (4, "held", None, None),
        (5, "repeat", None, None),
    ]
    assert con.execute("SELECT place = $noon FROM input.delivery", {"noon": NOON}).fetchone() == (True,)


def test_a_thousand_deliveries_in_a_folder_with_a_quote_in_its_name(con: Any, tmp_path: Path) -> None:
    folder = tmp_path / "trial's rows=1"
    folder.mkdir()
    drops = [delivery(folder, i, "participants", [{"subject_id": f"P{i}"}]) for i in range(1, 1001)]
    create_inputs(con, drops, file=MEMORY)
    assert con.execute("SELECT count(DISTINCT subject_id) FROM input.participants").fetchone() == (1000,)
    assert con.execute("SELECT count(*), max(sequence) FROM input.delivery").fetchone() == (1000, 1000)


def test_of_many_deliveries_the_large_ones_stay_where_they_lie(
    con: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drops = [delivery(tmp_path, i, "participants", [{"subject_id": f"P{n}"} for n in range(i)]) for i in range(1, 31)]
    sizes = sorted(d.rows.accepted.stat().st_size for d in drops)
    monkeypatch.setattr("pipelines.warehouse.inputs.SMALL", sizes[-4])
    create_inputs(con, drops, file=MEMORY)
    assert con.execute("SELECT count(*) FROM input.participants").fetchone() == (sum(range(1, 31)),)
    assert 0 < con.execute("SELECT count(*) FROM kept.participants_gathered").fetchone()[0] < sum(range(1, 30))


def test_of_many_deliveries_only_new_ones_are_opened(con: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drops = [delivery(tmp_path, i, "participants", [{"subject_id": f"P{i}"}] * (i % 3)) for i in range(1, 31)]
    opened: list[Path] = []

    def noted(files: Sequence[Path], named: str = "") -> str:
        opened.extend(files)
        return from_files(files, named)

    monkeypatch.setattr("pipelines.warehouse.gathered.parquet", noted)
    for known, new in ((drops[:25], 25), (drops[:25], 0), (drops[3:], 5), (drops, 3)):
        create_inputs(con, known, file=MEMORY)
        assert len(opened) == new
        opened.clear()
        ids = con.execute("SELECT delivery_id FROM input.participants ORDER BY ALL").fetchall()
        assert ids == sorted((d.receipt.delivery_id,) for d in known for _ in range(d.sequence % 3))


def test_answers_are_inputs_and_their_notes_are_not(con: Any) -> None:
    given = {"status": "confirmed", "given_by": "D. Manager", "given_at": NOON, "episode": 1, "version": "ab"}
    more = {"last_delivery_id": "d1", "note": "free text", "snapshot_id": "s"}
    answer = Answer(answer_id="a1", query_id="Q-1", **given, **more)
    digests = []
    for answers in ([], [answer], [replace(answer, status="resolved")]):
        create_inputs(con, [], answers, file=MEMORY)
        digests.append(inputs_digest(con))
    assert len(set(digests)) == 3
    rows = con.execute("SELECT * FROM input.answer").fetchall()
    assert rows == [("a1", "Q-1", "resolved", "D. Manager", NOON, 1, "ab", "d1")]
