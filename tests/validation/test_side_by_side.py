"""Deliveries read by two processes come to what one makes of them, byte by byte; and neither harms the other's."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

import pytest

from pipelines.cores import usable_cores
from pipelines.landing.receipt import Receipt
from pipelines.study.load import Protocol
from pipelines.study.study import ReadingLimits
from pipelines.validation import isolation
from pipelines.validation.isolation import Session
from pipelines.validation.lane import Asked, Lane
from pipelines.validation.reader_process import COMMAND
from pipelines.validation.rows import Rows
from pipelines.validation.stopped import NOTE
from pipelines.workspace import Workspace
from tests.validation.deliver import receipt_of
from tests.validation.test_isolation import COMMAND as FAULTY
from tests.validation.test_isolation import HARMFUL, lay, limited

ROOMY = ReadingLimits(memory_mb=1100, seconds=60, output_mb=20, output_mb_a_mb=0)


@pytest.fixture(autouse=True)
def _always_worth_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "WORTH_ANOTHER", 0.05)


@pytest.fixture
def sent_to(monkeypatch: pytest.MonkeyPatch) -> list[Lane]:
    """Whom each delivery was sent to, in turn."""
    lanes: list[Lane] = []
    send = Lane.send

    def noted(lane: Lane, asked: Asked) -> None:
        lanes.append(lane)
        send(lane, asked)

    monkeypatch.setattr(Lane, "send", noted)
    return lanes


def read(root: Path, protocol: Protocol, receipts: list[Receipt], command: tuple[str, ...], most: int) -> list[Rows]:
    session = Session(command, most)
    try:
        rows = session.rows_of(Workspace(root), protocol, receipts)
    finally:
        session.end()
    return [rows[receipt.delivery_id] for receipt in receipts]


def left_in(root: Path) -> dict[str, str]:
    """Every file that was made of the deliveries, by the digest of its bytes."""
    files = (path for path in Workspace(root).rows.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def many(workspace: Workspace) -> list[Receipt]:
    """Of several sites, feeds and formats: sound ones, faulty ones, and ones that say again what another said."""
    answers = "".join(f"A{n},phq9,BASELINE,2026-01-05,{i},{n % 5}\n" for n in range(40) for i in range(1, 10))
    events = "".join(
        f"e{n},A{n % 7},2026-01-05T10:{n % 60:02}:00Z,participant,login,,\n" for n in [*range(90), *range(9)]
    )
    texts = {
        ("participants", "p.csv"): "subject_id,centre,language,consent_date,birth_year,sex,status,status_date,"
        "status_reason\nA1,,,2026-01-01,1990,F,enrolled,2026-01-05,\nA1,,,2026-01-01,1991,F,enrolled,2026-01-05,\n",
        ("questionnaires", "q.csv"): "subject_id,instrument,visit,completed_at,item,value\n" + answers,
        ("usage", "u.csv"): "event_id,subject_id,occurred_at,actor,event,module,duration_s\n" + events,
        ("usage", "again.csv"): "event_id,subject_id,occurred_at,actor,event,module,duration_s\n" + events,
        ("usage", "none.csv"): "no,such,header\n1,2,3\n",
        ("contacts", "c.sav"): "no SPSS file",
    }
    receipts = [lay(workspace, "good.csv"), lay(workspace, "other.csv", site="miyazaki")]
    for site in ("oxford", "hong_kong"):
        for (feed, name), text in texts.items():
            receipt = receipt_of(text.encode(), site, feed, name)
            original = workspace.original(receipt.content_sha256)
            original.parent.mkdir(parents=True, exist_ok=True)
            original.write_bytes(text.encode())
            receipts.append(receipt)
    return receipts


def test_two_processes_leave_the_very_files_that_one_leaves(
    tmp_path: Path, ict_sad: Protocol, sent_to: list[Lane]
) -> None:
    found = {}
    for most in (1, 2):
        root = tmp_path / str(most)
        rows = read(root, ict_sad, many(Workspace(root)), COMMAND, most)
        assert len(set(sent_to)) == most
        assert sum(row.n_quarantined for row in rows) and sum(row.n_duplicate for row in rows)
        found[most] = left_in(root)
        sent_to.clear()
    assert found[1] == found[2] and len(found[1]) > 20


def test_harmful_files_come_to_the_same_beside_others(tmp_path: Path, ict_sad: Protocol, sent_to: list[Lane]) -> None:
    found = {}
    for most in (1, 2):
        workspace = Workspace(tmp_path / str(most))
        names = ["good_first.csv", *(f"{name}_.csv" for name in HARMFUL), "good_last.csv"]
        receipts = [lay(workspace, name) for name in names]
        rows = read(workspace.root, limited(ict_sad, ROOMY), receipts, FAULTY, most)
        assert len(set(sent_to)) == most
        assert [row.rejected is None for row in rows] == [name.startswith("good") for name in names]
        found[most] = left_in(workspace.root)
        sent_to.clear()
    assert found[1] == found[2]


def test_what_the_machine_ends_beside_another_is_tried_alone_before_it_is_refused(
    tmp_path: Path, ict_sad: Protocol, sent_to: list[Lane]
) -> None:
    workspace = Workspace(tmp_path)
    receipts = [lay(workspace, name) for name in ("oom_.csv", "hold_.csv", "good.csv")]
    killed, held, good = read(tmp_path, limited(ict_sad, ROOMY), receipts, FAULTY, 2)
    assert "the machine ended the reading" in (killed.rejected or "")
    assert len(list((workspace.rows / killed.delivery_id).rglob(NOTE))) == 1
    assert (held.rejected, held.n_accepted) == (good.rejected, good.n_accepted) == (None, 2)
    assert len(set(sent_to)) == 2 and len(sent_to) > len(receipts)


def test_what_two_hold_together_is_within_the_limit_of_one(
    tmp_path: Path, ict_sad: Protocol, sent_to: list[Lane], monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = []
    with_one_less = Session._with_one_less

    def noted(session: Session, lane: Lane) -> None:
        dropped.append(lane)
        with_one_less(session, lane)

    monkeypatch.setattr(Session, "_with_one_less", noted)
    receipts = [lay(Workspace(tmp_path), f"hold_{n}.csv") for n in range(2)]
    rows = read(tmp_path, limited(ict_sad, ROOMY), receipts, FAULTY, 2)
    assert [(row.rejected, row.n_accepted) for row in rows] == [(None, 2), (None, 2)]
    assert len(set(sent_to)) == 2 and len(dropped) == 1


def test_a_limit_on_memory_for_one_leaves_no_room_for_another(
    tmp_path: Path, ict_sad: Protocol, sent_to: list[Lane]
) -> None:
    receipts = [lay(Workspace(tmp_path), f"good_{n}.csv") for n in range(6)]
    read(tmp_path, limited(ict_sad), receipts, FAULTY, 2)
    assert len(set(sent_to)) == 1


def test_what_else_takes_a_core_begins_when_the_readings_leave_one(
    tmp_path: Path, ict_sad: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolation, "usable_cores", lambda: 2)
    workspace, protocol, begun = Workspace(tmp_path), limited(ict_sad, ROOMY), []
    receipts = [lay(workspace, f"good_{n}.csv") for n in range(6)]
    session = Session(FAULTY)
    try:
        session.when_a_core_is_free(lambda: begun.append("before"))
        assert begun == ["before"]
        session.ask(workspace, protocol, receipts)
        session.when_a_core_is_free(lambda: begun.append("beside"))
        assert begun == ["before"]
        session.rows_of(workspace, protocol, receipts)
        assert begun == ["before", "beside"]
    finally:
        session.end()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_a_container_is_taken_at_what_it_is_given(tmp_path: Path) -> None:
    quota = tmp_path / "cpu.max"
    every = usable_cores(quota)
    for text, cores in (("100000 100000", 1), ("50000 100000", 1), ("9900000 100000", every), ("max 100000", every)):
        quota.write_text(f"{text}\n")
        assert usable_cores(quota) == cores
