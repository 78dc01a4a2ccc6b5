"""Snapshots: written whole, verified, published by one rename; readers of yesterday's are left alone."""

from __future__ import annotations

import grp
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import effects
from pipelines.study.load import Protocol
from pipelines.warehouse import verify
from pipelines.warehouse.dictionary import load_dictionary
from pipelines.warehouse.digest import Canon
from pipelines.warehouse.errors import WarehouseError
from pipelines.warehouse.fresh_process import fresh_process
from pipelines.warehouse.graph import Graph
from pipelines.warehouse.publish import publish
from pipelines.warehouse.published import current_snapshot, snapshot_ids
from pipelines.warehouse.snapshot import write_snapshot
from pipelines.warehouse.verify import verify_snapshot
from pipelines.workspace import Workspace
from tests.warehouse.conftest import Build
from tests.warehouse.small_trial import AS_OF, NOON, deliveries

Night = Callable[..., Path]


def ask(path: Path, sql: str) -> list[Any]:
    with duckdb.connect(str(path), read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        return con.execute(sql).fetchall()


def _tables_of(path: Path) -> set[str]:
    return {name for (name,) in ask(path, "SELECT schema_name || '.' || table_name FROM duckdb_tables()")}


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o777


def test_the_unblinded_file_holds_the_published_tables_as_the_dictionary_says(written: Path, graph: Graph) -> None:
    path = written / "unblinded.duckdb"
    published = {name for name, table in graph.dictionary.items() if table.published}
    there = ask(path, "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables()")
    assert {name for name, _ in there} == published
    assert all(comment == graph.dictionary[name].description for name, comment in there)

    rows = ask(
        path,
        "SELECT schema_name || '.' || table_name, column_name, replace(data_type, 'TIMESTAMP WITH TIME ZONE', "
        "'TIMESTAMPTZ'), is_nullable, comment FROM duckdb_columns() WHERE NOT internal ORDER BY column_index",
    )
    for name in published:
        table = graph.dictionary[name]
        columns = {row[1]: row[2:] for row in rows if row[0] == name}
        assert {column: facts[0] for column, facts in columns.items()} == table.types
        assert list(columns) == list(table.columns)
        for column, (_, nullable, comment) in columns.items():
            assert nullable == (column not in table.key)
            assert comment.startswith(f"{table.columns[column].label}: ")
    assert ("Value: Score [points]",) in [(row[4],) for row in rows]


def test_rows_lie_in_key_order(written: Path) -> None:
    keys = ask(written / "unblinded.duckdb", "SELECT usubjid, avisit FROM analysis.adqs ORDER BY rowid")
    assert keys == sorted(keys)


def test_the_snapshot_says_what_it_is(written: Path, ict_sad: Protocol) -> None:
    manifest = json.loads((written / "manifest.json").read_bytes())
    for name in ("unblinded.duckdb", "blinded.duckdb"):
        ((snapshot_id, as_of, built_at, code, study, inputs, tables),) = ask(
            written / name, "SELECT * FROM meta.snapshot"
        )
        assert snapshot_id == manifest["snapshot_id"] == f"20260501T120000Z-{tables[:8]}"
        assert (as_of, built_at) == (AS_OF, NOON)
        assert (study, inputs, tables) == (
            ict_sad.digest,
            manifest["inputs_digest"],
            manifest["tables_digest"],
        )
        assert code == manifest["code_version"] and "+" in code
    assert written.name == f".{snapshot_id}.writing"
    assert manifest["libraries"]["duckdb"] == duckdb.__version__
    hidden = json.loads((written / "manifest-unblinded.json").read_bytes())
    assert [d["delivery_id"] for d in manifest["deliveries"]] == ["d0001", "d0003"]
    assert [d["delivery_id"] for d in hidden["deliveries"]] == ["d0001", "d0002", "d0003", "d0004"]
    assert set(hidden["files"]["unblinded.duckdb"]["tables"]) >= {"analysis.adsl", "engagement.session"}


def test_the_same_inputs_give_the_same_digest(build: Build, tmp_path: Path, graph: Graph, ict_sad: Protocol) -> None:
    def digest(drops: Any) -> str:
        folder = write_snapshot(build(drops), ict_sad, AS_OF, graph.dictionary, datetime.now(UTC)).folder
        return str(json.loads((folder / "manifest.json").read_bytes())["tables_digest"])

    drops = deliveries(tmp_path / "drops")
    first = digest(drops)
    assert digest(list(reversed(drops))) == first
    assert digest(deliveries(tmp_path / "fewer", people=59)) != first


def test_a_snapshot_that_was_not_touched_verifies(written: Path) -> None:
    assert verify_snapshot(written) == []


CHANGES = [
    ("UPDATE analysis.adqs SET aval = aval + 1 WHERE avisit = 'BASELINE'", "analysis.adqs has another digest"),
    ("DROP TABLE analysis.adqs", "analysis.adqs is missing"),
    ("CREATE TABLE analysis.extra AS SELECT 1 AS a", "analysis.extra was not published"),
]


@pytest.mark.parametrize(("sql", "said"), CHANGES)
@pytest.mark.parametrize("name", ["blinded.duckdb", "unblinded.duckdb"])
def test_what_was_changed_is_found(written: Path, name: str, sql: str, said: str) -> None:
    with duckdb.connect(str(written / name)) as con:
        con.execute(sql)
    differences = verify_snapshot(written)
    assert differences[0] == f"{name}: its bytes are not those that were published"
    assert any(said in difference for difference in differences[1:])


@pytest.mark.parametrize(("sql", "said"), CHANGES)
@pytest.mark.parametrize("name", ["blinded.duckdb", "unblinded.duckdb"])
def test_what_was_written_otherwise_is_found_by_the_night_itself(
    build: Build, graph: Graph, ict_sad: Protocol, name: str, sql: str, said: str
) -> None:
    written = write_snapshot(build(), ict_sad, AS_OF, graph.dictionary, NOON)
    with duckdb.connect(str(written.folder / name)) as con:
        con.execute(sql)
    differences = verify_snapshot(written.folder, written.rows)
    assert differences[0] == f"{name}: its bytes are not those that were published"
    assert any(said in difference for difference in differences[1:])


def test_rows_that_were_just_digested_are_read_back_and_not_digested_again(
    build: Build, graph: Graph, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    digested: list[str] = []
    compute = verify.table_digest

    def counted(con: Any, canon: Canon) -> str:
        digested.append(canon.table)
        return compute(con, canon)

    written = write_snapshot(build(), ict_sad, AS_OF, graph.dictionary, NOON)
    monkeypatch.setattr(verify, "table_digest", counted)
    assert verify_snapshot(written.folder, written.rows) == []
    assert digested == ["meta.snapshot"] * 2


def test_damage_is_found(written: Path) -> None:
    (written / "blinded.duckdb").unlink()
    (written / "unblinded.duckdb").write_bytes(b"not a database at all" * 1000)
    differences = verify_snapshot(written)
    assert differences[0] == "blinded.duckdb is missing"
    assert differences[1] == "unblinded.duckdb: its bytes are not those that were published"
    assert differences[2].startswith("unblinded.duckdb cannot be read: ")


def test_publication_gives_names_modes_and_links(night: Night, workspace: Workspace) -> None:
    folder = night()
    assert folder == workspace.snapshots / folder.name and not folder.name.startswith(".")
    assert {path.name: mode(path) for path in folder.iterdir()} == {
        "unblinded.duckdb": 0o400,
        "blinded.duckdb": 0o440,
        "manifest.json": 0o440,
        "manifest-unblinded.json": 0o400,
    }
    assert {mode(path) for path in (workspace.published, workspace.snapshots, folder)} == {0o750}
    links = {
        "current": f"snapshots/{folder.name}",
        "current.duckdb": "current/blinded.duckdb",
        "current-unblinded.duckdb": "current/unblinded.duckdb",
    }
    for name, target in links.items():
        assert os.readlink(workspace.published / name) == target
    assert ask(workspace.published / "current.duckdb", "SELECT count(*) FROM analysis.adsl") == [(60,)]
    assert (current_snapshot(workspace), snapshot_ids(workspace)) == (folder.name, [folder.name])


def test_two_snapshots_of_one_second_have_two_names(night: Night, workspace: Workspace) -> None:
    first, second, third = night(), night(), night()
    assert (second.name, third.name) == (f"{first.name}-2", f"{first.name}-3")
    assert current_snapshot(workspace) == third.name
    assert snapshot_ids(workspace) == [first.name, second.name, third.name]


READER = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(con.execute("SELECT count(*), sum(hash(usubjid)) FROM analysis.adsl").fetchone(), flush=True)
"""


def test_a_reader_of_yesterdays_file_is_not_disturbed(night: Night, workspace: Workspace, tmp_path: Path) -> None:
    night()
    current = workspace.published / "current.duckdb"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(current)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert reader.stdin and reader.stdout

    def reads() -> str:
        assert reader.stdin and reader.stdout
        reader.stdin.write("again\n")
        reader.stdin.flush()
        return reader.stdout.readline()

    before = reads()
    assert before.startswith("(60, ")
    night(deliveries(tmp_path / "fewer", people=42), now=NOON + timedelta(days=1))
    assert reads() == before
    assert ask(current, "SELECT count(*) FROM analysis.adsl") == [(42,)]
    reader.communicate(timeout=30)


def test_whatever_fails_readers_keep_the_old_snapshot_and_the_next_night_succeeds(
    night: Night, build: Build, workspace: Workspace, graph: Graph, ict_sad: Protocol, tmp_path: Path
) -> None:
    first = night()
    build(deliveries(tmp_path / "fewer", people=42))
    seen: list[tuple[str, Path]] = []
    later = NOON + timedelta(days=1)

    def run() -> Path:
        return publish(workspace, ict_sad, write_snapshot(workspace, ict_sad, AS_OF, graph.dictionary, later).folder)

    with effects.watched(lambda kind, path: seen.append((kind, path))):
        last = run()
    effects_of_a_night = len(seen)
    kinds = {kind for kind, _ in seen}
    assert kinds == {"mkdir", "remove", "open", "write", "fsync", "rename", "chmod", "symlink", "sql"}
    tables = {name for name, table in graph.dictionary.items() if table.published}
    in_files = {(path.parent.name, path.stem) for kind, path in seen if kind == "sql" and path.suffix == ".parquet"}
    assert {name for file, name in in_files if file == "unblinded"} == tables
    assert {name for file, name in in_files if file == "blinded"} == _tables_of(last / "blinded.duckdb")
    switch = max(i for i, (kind, path) in enumerate(seen) if kind == "rename" and path.name == "current")
    effects.point(workspace.published / "current", f"snapshots/{first.name}")

    for n in {0, switch // 3, 2 * switch // 3, *range(switch - 4, switch + 1)}:
        count = iter(range(effects_of_a_night + 1))

        def fail(kind: str, path: Path) -> None:
            if next(count) == n:  # noqa: B023
                raise OSError(28, "No space left on device")

        with effects.watched(fail), pytest.raises((OSError, WarehouseError)):
            run()
        assert current_snapshot(workspace) == first.name, seen[n]
        assert ask(workspace.published / "current.duckdb", "SELECT count(*) FROM analysis.adsl") == [(60,)]
    assert verify_snapshot(run()) == []
    assert current_snapshot(workspace) != first.name
    assert last.exists()
    assert not [path for path in workspace.snapshots.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("known", [True, False])
def test_the_deployments_group_is_given_what_the_blinded_may_read(
    build: Build, workspace: Workspace, graph: Graph, ict_sad: Protocol, known: bool
) -> None:
    own = grp.getgrgid(os.getgid()).gr_name
    deployment = ict_sad.study.deployment.model_copy(update={"group": own if known else "no-such-group-here"})
    study = ict_sad.study.model_copy(update={"deployment": deployment})
    protocol = Protocol(study, ict_sad.instruments, ict_sad.digest)
    hidden = write_snapshot(build(), protocol, AS_OF, graph.dictionary).folder
    given: list[str] = []
    with effects.watched(lambda kind, path: given.append(path.name) if kind == "chown" else None):
        folder = publish(workspace, protocol, hidden)
    shared = ["blinded.duckdb", "manifest.json", "published", "snapshots", hidden.name]
    assert given == (shared if known else [])
    assert mode(folder / "blinded.duckdb") == 0o440


def test_an_empty_trial_is_published(night: Night) -> None:
    folder = night([])
    assert verify_snapshot(folder) == []
    assert ask(folder / "blinded.duckdb", "SELECT count(*) FROM analysis.adqs") == [(0,)]


def test_the_process_that_writes_says_why_it_cannot(tmp_path: Path) -> None:
    with fresh_process(tmp_path) as writer, pytest.raises(WarehouseError) as error:
        writer.execute("CREATE TABLE t (a INTEGER)")
        writer.execute("INSERT INTO t SELECT 'P0001'")
        writer.finish()
    assert str(error.value) == (
        "a file to be published could not be written: a value cannot be converted to the type asked for"
    )
    with pytest.raises(WarehouseError, match="ended before its time"), fresh_process(tmp_path) as writer:
        writer._process.kill()
        writer._process.wait()
        writer.execute("SELECT 1")
        writer.finish()


def test_nothing_of_the_build_is_missing_from_the_projects_dictionary() -> None:
    published = [table for table in load_dictionary().values() if table.published]
    assert {"analysis.adsl", "analysis.adqs", "quality.delivery", "meta.snapshot"} <= {t.table for t in published}


@pytest.mark.skipif(
    "ICT_TRIAL_OLD_DUCKDB_PYTHON" not in os.environ,
    reason="ICT_TRIAL_OLD_DUCKDB_PYTHON names no Python with an older DuckDB",
)
def test_an_older_duckdb_reads_the_same(night: Night) -> None:
    """A Python that has nothing but an older DuckDB computes the digests that this one wrote, anew or taken over."""
    client = Path(__file__).with_name("old_client.py")
    files = (("unblinded.duckdb", "manifest-unblinded.json"), ("blinded.duckdb", "manifest.json"))
    for folder, (file, manifest) in product((night(), night()), files):
        tables = json.loads((folder / manifest).read_bytes())["files"][file]["tables"]
        done = subprocess.run(
            [os.environ["ICT_TRIAL_OLD_DUCKDB_PYTHON"], str(client), str(folder / file)],
            input=json.dumps(tables),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == {name: entry["digest"] for name, entry in tables.items()}
