"""Files that harm the process which reads them are refused, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.study.study import ReadingLimits
from pipelines.validation import isolation
from pipelines.validation.isolation import ReadingError, Session, reading
from pipelines.validation.rows import Rows
from pipelines.validation.stopped import MOST_TRIES, NOTE
from pipelines.workspace import Workspace
from tests.validation.deliver import receipt_of
from tests.validation.faulty_reader import CANARY

COMMAND = (sys.executable, "-m", "tests.validation.faulty_reader")
HEADER = "subject_id,arm,randomised_on,stratum\n"
GOOD = HEADER + "A1,ICT,2026-01-05,\n"
SMALL = ReadingLimits(memory_mb=600, seconds=60, output_mb=20, output_mb_a_mb=0)
SHORT = ReadingLimits(seconds=1, seconds_a_mb=0)
# What the file does, and what is said of it.
HARMFUL = {
    "segfault": "broke down over the file (SIGSEGV)",
    "abort": "broke down over the file (SIGABRT)",
    "exit": "broke down over the file (exit code 3)",
    "oom": "the machine ended the reading",
    "swell": "took more than 600 MB of memory",
    "write": "came to more than 20 MB on disk",
    "bug": "a fault of this program stopped the reading of the file (ValueError at validation/intake.py:",
}


def limited(protocol: Protocol, limits: ReadingLimits = SMALL) -> Protocol:
    deliveries = protocol.study.deliveries.model_copy(update={"limits": limits})
    return replace(protocol, study=protocol.study.model_copy(update={"deliveries": deliveries}))


def lay(workspace: Workspace, name: str, text: str = GOOD, site: str = "oxford") -> Receipt:
    """A delivery of that name, in the store."""
    content = f"{text}A2,,2026-01-05,{name}\n".encode()
    receipt = receipt_of(content, site, "allocation", name)
    original = workspace.original(receipt.content_sha256)
    original.parent.mkdir(parents=True, exist_ok=True)
    original.write_bytes(content)
    return receipt


def folder_of(workspace: Workspace, receipt: Receipt) -> Path:
    (folder,) = (workspace.rows / receipt.delivery_id).iterdir()
    return folder


@pytest.fixture(autouse=True)
def _faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "COMMAND", COMMAND)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> tuple[Workspace, dict[str, Rows]]:
    """A good file, everything harmful, a good file of another site: read in one go."""
    workspace = Workspace(tmp_path_factory.mktemp("isolation"))
    names = ["good_first.csv", *(f"{name}_.csv" for name in HARMFUL), "chatter_.csv", "good_last.csv"]
    receipts = {n: lay(workspace, n, site="miyazaki" if n == "good_last.csv" else "oxford") for n in names}
    session = Session(COMMAND)
    try:
        rows = session.rows_of(workspace, limited(ict_sad), list(receipts.values()))
    finally:
        session.end()
    return workspace, {name: rows[receipt.delivery_id] for name, receipt in receipts.items()}


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_file_is_refused_with_what_it_did(night: tuple[Workspace, dict[str, Rows]], name: str) -> None:
    workspace, rows = night
    refused = rows[f"{name}_.csv"]
    assert refused.rejected is not None and HARMFUL[name] in refused.rejected
    (folder,) = (workspace.rows / refused.delivery_id).iterdir()
    assert [path.name for path in folder.iterdir()] == [NOTE]


@pytest.mark.parametrize("name", ["good_first.csv", "chatter_.csv", "good_last.csv"])
def test_no_other_file_is(night: tuple[Workspace, dict[str, Rows]], name: str) -> None:
    _, rows = night
    assert (rows[name].rejected, rows[name].n_rows, rows[name].n_accepted) == (None, 2, 2)


def test_nothing_that_the_process_said_is_kept(
    night: tuple[Workspace, dict[str, Rows]], capfd: pytest.CaptureFixture[str]
) -> None:
    workspace, rows = night
    kept = [path for path in workspace.rows.rglob("*.json") if path.is_file()]
    assert len(kept) == len(rows)
    assert CANARY not in "".join([*(path.read_text() for path in kept), *map(str, rows.values()), *capfd.readouterr()])


def test_processor_time_is_limited_by_the_kernel(
    tmp_path: Path, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.validation.reading_limits.CLOCK", 1000)  # on a busy machine the clock runs first
    receipt = lay(Workspace(tmp_path), "spin_.csv")
    with reading() as session:
        rows = session.rows_of(Workspace(tmp_path), limited(ict_sad, SHORT), [receipt])
    assert "took more than 1 s of processor time" in (rows[receipt.delivery_id].rejected or "")


def test_a_file_over_which_the_reader_hangs_is_refused(tmp_path: Path, ict_sad: Protocol) -> None:
    receipt = lay(Workspace(tmp_path), "hang_.csv")
    with reading() as session:
        rows = session.rows_of(Workspace(tmp_path), limited(ict_sad, SHORT), [receipt])
    assert "did not end within 3 s" in (rows[receipt.delivery_id].rejected or "")


def test_a_stopped_file_is_tried_again_on_other_nights_but_not_for_ever(tmp_path: Path, ict_sad: Protocol) -> None:
    workspace, protocol = Workspace(tmp_path), limited(ict_sad)
    receipt = lay(workspace, "exit_.csv")
    reasons = set()
    for night_no in range(1, MOST_TRIES + 2):
        with reading() as session:
            for _ in range(2):  # the second time it is remembered
                reasons.add(session.rows_of(workspace, protocol, [receipt])[receipt.delivery_id].rejected)
        note = json.loads((folder_of(workspace, receipt) / NOTE).read_bytes())
        assert note["tries"] == min(night_no, MOST_TRIES)
    assert len(reasons) == 1  # so that a night without news comes to the same
    with reading() as session:
        other = limited(ict_sad, SMALL.model_copy(update={"memory_mb": 700}))
        session.rows_of(workspace, other, [receipt])
    assert json.loads((folder_of(workspace, receipt) / NOTE).read_bytes())["tries"] == 1


def test_what_the_machine_ended_is_read_as_soon_as_it_can_be(
    tmp_path: Path, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, protocol = Workspace(tmp_path), limited(ict_sad, ReadingLimits())
    receipt = lay(workspace, "oom_.csv")
    for _ in range(MOST_TRIES + 1):
        with reading() as session:
            assert session.rows_of(workspace, protocol, [receipt])[receipt.delivery_id].rejected
    monkeypatch.setattr(isolation, "COMMAND", (sys.executable, "-m", "pipelines.validation.reader_child"))
    with reading() as session:
        assert session.rows_of(workspace, protocol, [receipt])[receipt.delivery_id].n_accepted == 2


def test_a_full_disk_is_no_file_s_fault(tmp_path: Path, ict_sad: Protocol) -> None:
    workspace = Workspace(tmp_path)
    receipt = lay(workspace, "disk_.csv")
    with pytest.raises(ReadingError, match=r"^No space left on device \(store/rows\)"), reading() as session:
        session.rows_of(workspace, limited(ict_sad), [receipt])
    assert list(folder_of(workspace, receipt).iterdir()) == []


def test_a_process_that_never_starts_is_no_file_s_fault(
    tmp_path: Path, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "COMMAND", (sys.executable, "-c", "raise SystemExit(1)"))
    receipt = lay(Workspace(tmp_path), "good.csv")
    with pytest.raises(ReadingError, match="cannot be started"), reading() as session:
        session.rows_of(Workspace(tmp_path), limited(ict_sad), [receipt])


def test_no_process_is_started_where_everything_is_known(tmp_path: Path, ict_sad: Protocol) -> None:
    workspace, protocol = Workspace(tmp_path), limited(ict_sad)
    receipt = lay(workspace, "bug_.csv")
    for _ in range(MOST_TRIES):
        with reading() as session:
            session.rows_of(workspace, protocol, [receipt])
    with reading() as session:
        session.rows_of(workspace, protocol, [receipt])
        assert session._lanes == []


READ_ALONE = """
import sys
from dataclasses import replace
from pathlib import Path
from pipelines.study.load import SCHEMAS, load_protocol
from pipelines.validation import isolation
from pipelines.workspace import Workspace
from tests.validation.test_isolation import COMMAND, lay

isolation.COMMAND = COMMAND
workspace = Workspace(Path(sys.argv[1]))
isolation.read_deliveries(workspace, load_protocol(SCHEMAS / "studies" / "ict_sad.yaml"), [lay(workspace, "hang_.csv")])
"""


@pytest.fixture
def reader_of_a_killed_night(tmp_path: Path) -> Iterator[int]:
    """The id of a process that is at work when the pipeline is killed."""
    pipeline = subprocess.Popen([sys.executable, "-c", READ_ALONE, str(tmp_path)])
    children = Path(f"/proc/{pipeline.pid}/task/{pipeline.pid}/children")
    while not list((tmp_path / "store").glob("rows/*/*")):
        assert pipeline.poll() is None
        time.sleep(0.02)
    (reader,) = map(int, children.read_text().split())
    pipeline.kill()
    pipeline.wait()
    yield reader


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_the_process_ends_with_the_pipeline_however_that_ends(
    tmp_path: Path, ict_sad: Protocol, reader_of_a_killed_night: int
) -> None:
    deadline = time.monotonic() + 10
    while _is_alive(reader_of_a_killed_night) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_alive(reader_of_a_killed_night)
    workspace = Workspace(tmp_path)
    receipt = lay(workspace, "hang_.csv")
    (folder_of(workspace, receipt) / ".accepted.parquet.growing").write_bytes(b"half")
    with reading() as session:
        session.rows_of(workspace, limited(ict_sad, SHORT), [receipt])
    assert [path.name for path in folder_of(workspace, receipt).iterdir()] == [NOTE]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (OSError, IndexError):
        return False
