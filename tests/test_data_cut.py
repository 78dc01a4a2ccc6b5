"""An earlier snapshot built once more: its values are walked back, and scored by rival rules, as they were then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines import data_cut
from pipelines.cli import cli
from pipelines.warehouse.database import build_file, close_build
from pipelines.warehouse.published import snapshot_ids
from pipelines.workspace import Workspace
from tests.faults.night import (
    FIRST_NIGHT,
    SECOND_NIGHT,
    build_unjudged,
    copy_of,
    make_public,
    new_trial,
    second_drop,
    take_in,
)

ROW = ("analysis.adqs", "usubjid=ict_sad-oxford-001", "paramcd=PHQ9", "avisit=BASELINE")


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Nine answers of 2, and in the second night a correction of the first to 3."""
    workspace, protocol = new_trial(tmp_path_factory.mktemp("cut") / "trial")
    for now in (FIRST_NIGHT, SECOND_NIGHT):
        build_unjudged(workspace, protocol, take_in(workspace, protocol, now))
        make_public(workspace, protocol, now)
        second_drop(workspace)
    close_build(workspace)  # each command is a process of its own
    return workspace


def run(workspace: Workspace, command: str, *words: str) -> Result:
    return CliRunner().invoke(cli, [command, "--workspace", str(workspace.root), *words])


def traced(workspace: Workspace, *words: str) -> dict[str, Any]:
    done = run(workspace, "trace", *ROW, "--json", *words)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_value_of_an_earlier_snapshot_is_walked_back_to_what_was_known_then(trial: Workspace) -> None:
    first, last = snapshot_ids(trial)
    build = build_file(trial)
    before = build.stat().st_mtime_ns
    then, now = traced(trial, "--snapshot", first), traced(trial)
    assert (then["value"], now["value"]) == (18.0, 19.0)
    assert {row["file_name"] for row in then["steps"][-1]["rows"]} == {"q1.csv"}
    assert (then["earlier"], now["earlier"] == []) == ([], False)
    assert traced(trial, "--snapshot", last)["value"] == 19.0
    assert build.stat().st_mtime_ns == before  # the last build is left alone


def test_a_cut_is_kept_until_another_is_asked_for(trial: Workspace) -> None:
    first, last = snapshot_ids(trial)
    traced(trial, "--snapshot", first)
    kept = list((trial.store / "cuts").iterdir())
    inode = (kept[0] / "build.duckdb").stat().st_ino
    assert [folder.name for folder in kept] == [first]
    traced(trial, "--snapshot", first)
    assert (kept[0] / "build.duckdb").stat().st_ino == inode
    traced(trial, "--snapshot", last)
    assert [folder.name for folder in (trial.store / "cuts").iterdir()] == [last]


def test_rival_rules_are_compared_on_the_answers_of_a_snapshot(trial: Workspace) -> None:
    means = []
    for snapshot in snapshot_ids(trial):
        done = run(trial, "compare-scoring", "phq9", "phq9", "--json", "--snapshot", snapshot)
        assert done.exit_code == 0, done.output
        means.append(json.loads(done.stdout)["parameters"][0]["mean_a"])
    assert means == [18.0, 19.0]


def test_what_was_decided_later_changes_nothing(trial: Workspace, tmp_path: Path) -> None:
    """Refusing the first questionnaires today leaves the first snapshot's value where it came from."""
    copy = copy_of(trial, tmp_path / "trial")
    listed = json.loads(run(copy, "deliveries", "list", "--format", "json").stdout)
    (q1,) = (row["delivery_id"] for row in listed if row["file_name"] == "q1.csv")
    refused = run(copy, "deliveries", "refuse", q1, "--by", "A", "--note", "of another trial")
    assert refused.exit_code == 0, refused.output
    assert traced(copy, "--snapshot", snapshot_ids(copy)[0])["value"] == 18.0


def refusal(workspace: Workspace, snapshot: str | None = None) -> str:
    done = run(workspace, "trace", *ROW, "--snapshot", snapshot or snapshot_ids(workspace)[0])
    assert done.exit_code == 2, done.output
    return done.stderr


def test_it_is_refused_where_the_build_would_not_be_the_same(
    trial: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(trial, "20200101T000000Z-00000000").startswith("there is no snapshot 20200101T000000Z-00000000")
    copy = copy_of(trial, tmp_path / "trial")
    study = copy.study_file.read_text(encoding="utf-8")
    copy.study_file.write_text(study.replace("session_gap_minutes: 30", "session_gap_minutes: 31"))
    assert "was made by another study file than the workspace has now" in refusal(copy)
    copy.study_file.write_text(study)
    for receipt in copy.receipts.glob("*.json"):
        if "q1.csv" in receipt.read_text():
            receipt.unlink()
    assert "1 deliveries of snapshot" in refusal(copy)
    assert not build_file(data_cut.DataCut(copy.root, snapshot_ids(copy)[0])).exists()
    monkeypatch.setattr(data_cut, "code_version", lambda: "0.2.0+0")
    assert "this is 0.2.0+0; what is derived may differ" in refusal(trial)


def test_a_build_that_comes_out_otherwise_is_not_shown(trial: Workspace, tmp_path: Path) -> None:
    """As when a file of the store was changed by hand."""
    copy = copy_of(trial, tmp_path / "trial")
    first = snapshot_ids(copy)[0]
    hidden = copy.snapshots / first / "manifest-unblinded.json"
    hidden.chmod(0o600)
    content = json.loads(hidden.read_bytes())
    content["files"]["unblinded.duckdb"]["tables"]["analysis.adqs"]["digest"] = "0" * 64
    hidden.write_text(json.dumps(content))
    assert f"built again, analysis.adqs is not what snapshot {first} holds" in refusal(copy)
