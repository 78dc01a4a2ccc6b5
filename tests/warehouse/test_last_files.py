"""A night that changes nothing in a published file makes its own out of the last one's, and any other does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.publish import publish
from pipelines.warehouse.published import current_snapshot
from pipelines.warehouse.snapshot import write_snapshot
from pipelines.warehouse.verify import verify_snapshot
from pipelines.workspace import Workspace
from tests.warehouse.small_trial import ARMS, AS_OF, NOON, ADelivery, deliveries

FILES = ("blinded.duckdb", "unblinded.duckdb")
BLOCK = 262_144  # by which a DuckDB file grows
LATER = NOON + timedelta(days=1)
Night = Callable[..., Path]


def ask(path: Path, sql: str, **parameters: Any) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as con:
        return con.execute(sql, parameters or None).fetchall()


def everything(path: Path) -> dict[str, Any]:
    """What a file holds but the row that names the snapshot: columns, comments, and rows as they lie."""
    tables = [name for (name,) in ask(path, "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY 1")]
    facts = ask(path, "SELECT table_name, column_name, data_type, comment FROM duckdb_columns() WHERE NOT internal")
    rows = {name: ask(path, f"SELECT * FROM {name} ORDER BY rowid") for name in tables if name != "meta.snapshot"}
    return {"columns": sorted(facts, key=str), **rows}


def written_anew(act: Callable[[], Any]) -> tuple[Any, set[str]]:
    """What `act` returns, and which files it wrote every table of."""
    seen: list[Path] = []
    with effects.watched(lambda kind, path: seen.append(path) if kind == "sql" else None):
        result = act()
    return result, {f"{path.parent.name}.duckdb" for path in seen if path.name == "analysis.adsl.parquet"}


def changed(folder: Path, feed: str, columns: str) -> list[ADelivery]:
    """The deliveries of the small trial with other `columns` in one feed."""
    drops = deliveries(folder)
    (path,) = [drop.rows.accepted for drop in drops if drop.receipt.feed == feed]
    duckdb.sql(f"COPY (SELECT * REPLACE ({columns}) FROM '{path}') TO '{path}.new' (FORMAT parquet)")
    Path(f"{path}.new").replace(str(path))
    return drops


def test_nothing_but_the_row_that_names_the_snapshot_differs(night: Night) -> None:
    first = night()
    second, anew = written_anew(lambda: night(now=LATER))
    assert anew == set()
    assert verify_snapshot(second) == []
    manifests = [json.loads((folder / "manifest.json").read_bytes()) for folder in (first, second)]
    assert manifests[0]["tables_digest"] == manifests[1]["tables_digest"]
    for name in FILES:
        assert everything(first / name) == everything(second / name)
        ((snapshot_id, built_at),) = ask(second / name, "SELECT snapshot_id, built_at FROM meta.snapshot")
        assert (snapshot_id, built_at) == (second.name, LATER)
        assert ask(first / name, "SELECT snapshot_id FROM meta.snapshot") == [(first.name,)]


def test_nothing_that_is_kept_back_gets_into_it_and_it_does_not_grow(night: Night) -> None:
    folders = [night(now=NOON + timedelta(days=day)) for day in range(4)]
    for name in FILES:
        sizes = [(folder / name).stat().st_size for folder in folders]
        assert sizes[3] - sizes[1] <= BLOCK
    content = (folders[3] / "blinded.duckdb").read_bytes()
    assert not any(word[i : i + 4].encode() in content for word in ARMS for i in range(5))


def test_what_changed_only_where_no_digest_looks_is_published_all_the_same(night: Night, tmp_path: Path) -> None:
    first = night()
    later = changed(tmp_path / "later", "questionnaires", "completed_at + INTERVAL 1 HOUR AS completed_at")
    folder, anew = written_anew(lambda: night(later, LATER))
    assert anew == set(FILES)
    assert folder.name.partition("-")[2] == first.name.partition("-")[2]
    seen = ask(folder / "blinded.duckdb", "SELECT DISTINCT adtm = $at FROM analysis.adqs", at=NOON + timedelta(hours=1))
    assert seen == [(True,)]


def test_the_blinded_file_tells_nothing_of_what_changed_elsewhere(night: Night, tmp_path: Path) -> None:
    first = night()
    others = changed(tmp_path / "others", "allocation", f"'{ARMS[0]}' AS arm")
    folder, anew = written_anew(lambda: night(others, LATER))
    assert anew == {"unblinded.duckdb"}
    assert everything(folder / "blinded.duckdb") == everything(first / "blinded.duckdb")
    assert ask(folder / "unblinded.duckdb", "SELECT DISTINCT arm FROM analysis.adsl") == [(ARMS[0],)]


def test_a_file_that_was_touched_or_is_gone_is_not_made_use_of(night: Night) -> None:
    first = night()
    (first / "unblinded.duckdb").unlink()
    with (first / "blinded.duckdb").open("r+b") as file:
        file.seek(-10, 2)
        file.write(b"damage")
    folder, anew = written_anew(lambda: night(now=LATER))
    assert anew == set(FILES)
    assert verify_snapshot(folder) == []


def test_what_is_not_current_any_more_is_not_made_use_of(night: Night, workspace: Workspace) -> None:
    first, _ = night(), night(now=LATER)
    effects.point(workspace.published / "current", f"snapshots/{first.name}")  # somebody has switched back
    folder, anew = written_anew(lambda: night(now=LATER + timedelta(days=1)))
    assert anew == set(FILES)
    assert verify_snapshot(folder) == []


def test_a_night_that_fails_over_it_leaves_the_last_one_as_it_is(
    night: Night, workspace: Workspace, graph: Graph, ict_sad: Protocol
) -> None:
    first = night()

    def run() -> Path:
        return publish(workspace, ict_sad, write_snapshot(workspace, ict_sad, AS_OF, graph.dictionary, LATER).folder)

    for step in (
        ("write", ".unblinded.duckdb.writing"),
        ("rename", "blinded.duckdb"),
        ("sql", "blinded.duckdb"),
        ("rename", "current"),
    ):

        def fail(kind: str, path: Path, step: tuple[str, str] = step) -> None:
            if (kind, path.name) == step:
                raise OSError(28, "No space left on device")

        with effects.watched(fail), pytest.raises(OSError, match="No space"):
            run()
        assert current_snapshot(workspace) == first.name
        assert verify_snapshot(first) == []
    assert verify_snapshot(run()) == []
