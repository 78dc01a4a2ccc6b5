"""The ledger of audit trails: later nights only add to it, and what changes the past has a reason."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from rich.console import Console

from pipelines.landing.decision import Decision
from pipelines.quality.audit_chain import FIRST
from pipelines.quality.audit_ledger import LEDGER, record_nights
from pipelines.status import render_status, status
from pipelines.study.load import Protocol
from pipelines.warehouse.published import snapshot_ids
from pipelines.workspace import Workspace
from tests.faults.night import FIRST_NIGHT, build_unjudged, copy_of, few_published, make_public, new_trial, take_in

HEADER = "subject_id,instrument,visit,completed_at,item,value\n"
Trial = tuple[Workspace, Protocol]
# What `ict-trial status` reads of a snapshot.
SHOWN = (
    "quality.quarantine", "quality.arrival", "quality.completeness", "quality.overdue", "quality.drift",
    "quality.check_result", "quality.data_query", "safety.alert",
)  # fmt: skip


def send(workspace: Workspace, name: str, value: int, period_end: str) -> None:
    """One answer of the questionnaire's stream, with its place in the sequence."""
    folder = workspace.landing / "oxford" / "questionnaires"
    text = f"{HEADER}001,phq9,BASELINE,2026-01-04,1,{value}\n"
    (folder / name).write_text(text)
    entry = {"name": name, "bytes": len(text), "sha256": sha256(text.encode()).hexdigest(), "rows": 1}
    (folder / f"{name}.manifest.json").write_text(json.dumps({"files": [entry], "period_end": period_end}))


def night(workspace: Workspace, protocol: Protocol, number: int) -> None:
    now = FIRST_NIGHT + timedelta(days=number)
    published = few_published(*SHOWN)
    build_unjudged(workspace, protocol, take_in(workspace, protocol, now), dictionary=published)
    make_public(workspace, protocol, now, published)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """Two nights: an answer, then its correction."""
    workspace, protocol = new_trial(tmp_path_factory.mktemp("ledger") / "trial")
    (workspace.landing / "oxford" / "questionnaires" / "q1.csv").unlink()
    for number, (value, period_end) in enumerate([(0, "2026-01-10"), (1, "2026-01-20")]):
        send(workspace, f"part_{number}.csv", value, period_end)
        night(workspace, protocol, number)
    return workspace, protocol


@pytest.fixture
def trial(before: Trial, tmp_path: Path) -> Trial:
    return copy_of(before[0], tmp_path / "trial"), before[1]


def lines(workspace: Workspace) -> list[dict[str, object]]:
    return [json.loads(line) for line in (workspace.audit / LEDGER).read_text().splitlines()]


def audit(workspace: Workspace) -> dict[str, object]:
    found: dict[str, object] = status(workspace)["audit"]
    return found


def test_every_published_night_has_a_line_that_holds_the_one_before(trial: Trial) -> None:
    workspace, _ = trial
    first, second = lines(workspace)
    assert [first["snapshot_id"], second["snapshot_id"]] == snapshot_ids(workspace)
    assert (first["n_rows"], first["head"], first["previous"]) == (0, FIRST, FIRST)
    assert second["n_rows"] == 1
    record_nights(workspace)
    assert len(lines(workspace)) == 2
    assert audit(workspace) == {
        "n_nights": 2, "n_rows": 1, "head": second["head"], "rechained": [], "broken_line": None,
    }  # fmt: skip


def test_a_night_that_was_not_recorded_is_made_good(trial: Trial) -> None:
    workspace, _ = trial
    ledger = workspace.audit / LEDGER
    whole = ledger.read_text()
    first, second = whole.splitlines()
    for left in (f"{first}\n", f"{first}\n{second[:40]}"):
        ledger.write_text(left)
        record_nights(workspace)
        assert ledger.read_text().splitlines()[-1] == second
        assert (audit(workspace)["n_nights"], audit(workspace)["broken_line"]) == (2, None)


def test_a_later_correction_leaves_every_earlier_trail_the_beginning(trial: Trial) -> None:
    workspace, protocol = trial
    send(workspace, "part_2.csv", 3, "2026-01-30")
    night(workspace, protocol, 2)
    found = audit(workspace)
    assert (found["n_nights"], found["n_rows"], found["rechained"]) == (3, 2, [])


def test_a_late_delivery_changes_the_past_and_is_named(trial: Trial) -> None:
    workspace, protocol = trial
    send(workspace, "late.csv", 3, "2026-01-15")
    night(workspace, protocol, 2)
    found = audit(workspace)
    assert found["n_rows"] == 2
    ((rechained),) = found["rechained"]  # type: ignore[misc]
    assert (rechained["snapshot_id"], rechained["unchanged_rows"]) == (snapshot_ids(workspace)[1], 0)
    (reason,) = rechained["reasons"]
    assert "came later, with an earlier place" in reason
    text = io.StringIO()
    render_status(status(workspace), Console(file=text, width=100, color_system=None))
    assert "had another trail: the delivery" in text.getvalue()


def test_a_decision_that_changes_the_past_is_named(trial: Trial) -> None:
    workspace, protocol = trial
    (first,) = (p for p in workspace.receipts.glob("*.json") if "2026-01-10" in json.loads(p.read_text())["place"])
    refused = Decision(first.stem, 1, "refuse", "Ada", "wrong trial", FIRST_NIGHT + timedelta(days=1, hours=9))
    workspace.decisions.mkdir()
    refused.save(workspace.decisions)
    night(workspace, protocol, 2)
    ((rechained),) = audit(workspace)["rechained"]  # type: ignore[misc]
    assert rechained["reasons"] == [f"the delivery {first.stem} was refused since"]


def _other_head(ledger: Path) -> None:
    first, second = (json.loads(line) for line in ledger.read_text().splitlines())
    ledger.write_text("".join(json.dumps(line) + "\n" for line in (first, second | {"head": "f" * 64})))


def _other_first_line(ledger: Path) -> None:
    first, second = ledger.read_text().splitlines()
    ledger.write_text(first.replace(FIRST[:8], "f" * 8, 1) + "\n" + second + "\n")


@pytest.mark.parametrize(("tamper", "broken_line", "unexplained"), [(_other_head, None, 1), (_other_first_line, 2, 1)])
def test_what_nothing_explains_is_said_to_be_so(
    trial: Trial, tamper: Callable[[Path], None], broken_line: int | None, unexplained: int
) -> None:
    workspace, _ = trial
    tamper(workspace.audit / LEDGER)
    found = audit(workspace)
    assert found["broken_line"] == broken_line
    rechained: list[dict[str, object]] = found["rechained"]  # type: ignore[assignment]
    assert [night["reasons"] for night in rechained] == [[]] * unexplained
    text = io.StringIO()
    render_status(status(workspace), Console(file=text, width=100, color_system=None))
    assert "nothing explains it" in text.getvalue()


def test_without_its_ledger_the_trail_is_recorded_anew_from_the_snapshots(trial: Trial) -> None:
    workspace, _ = trial
    whole = lines(workspace)
    shutil.rmtree(workspace.audit)
    assert audit(workspace)["n_nights"] == 0
    record_nights(workspace)
    assert lines(workspace) == whole
