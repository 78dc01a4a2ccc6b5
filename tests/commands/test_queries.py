"""`ict-trial queries`, as people type it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import cli
from pipelines.quality.answers import load_answers
from pipelines.study.load import Protocol
from pipelines.workspace import Workspace
from tests.quality.asked_trial import SNAPSHOT, asked, asked_trial, published

CONTRACT = [
    *("query_id", "rule", "severity", "site_id", "subject_id", "record_key", "message", "opened_on", "closed_on"),
    *("status", "n_reopened", "answer", "answered_by", "age_days"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, ict_sad: Protocol) -> Workspace:
    return published(tmp_path_factory.mktemp("asked"), asked_trial(ict_sad))


@pytest.fixture
def workspace(shared: Workspace) -> Workspace:
    for path in shared.answers.glob("*"):
        path.unlink()
    return shared


def run(workspace: Workspace, *words: str, expect: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["queries", words[0], "--workspace", str(workspace.root), *words[1:]])
    assert done.exit_code == expect, (words, done.output, done.exception)
    return done


def listed(workspace: Workspace, *words: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run(workspace, "list", "--format", "json", *words).stdout)
    return rows


def test_a_list_has_the_tables_columns_and_begins_with_what_is_open(workspace: Workspace) -> None:
    rows = listed(workspace)
    assert list(rows[0])[: len(CONTRACT)] == CONTRACT
    assert rows[0]["status"] == "open" and rows[0]["severity"] == "critical"
    assert isinstance(rows[0]["age_days"], int) and rows[0]["closed_on"] is None


def test_a_list_can_be_of_one_site_and_status(workspace: Workspace) -> None:
    assert {row["site_id"] for row in listed(workspace, "--site", "miyazaki")} == {"miyazaki"}
    assert listed(workspace, "--site", "hong_kong") == []
    assert {row["status"] for row in listed(workspace, "--status", "closed", "--status", "open")} <= {"open", "closed"}


def test_a_list_can_be_read_and_be_loaded_elsewhere(workspace: Workspace) -> None:
    number = asked(workspace, "visit_label_disagrees")
    assert number in run(workspace, "list").stdout
    assert run(workspace, "list", "--format", "csv").stdout.splitlines()[0].startswith("query_id,rule,severity,")


@pytest.mark.parametrize("status", ["resolved", "confirmed"])
def test_an_answer_is_kept_and_shown_at_once(workspace: Workspace, status: str) -> None:
    number = asked(workspace, "visit_label_disagrees")
    words = ("--by", " D.  Manager ", "--status", status, "--note", "the site will look")
    said = run(workspace, "answer", number.lower(), *words)
    assert number in said.stdout and "D. Manager" in said.stdout
    (answer,) = load_answers(workspace)
    assert (answer.query_id, answer.status, answer.given_by) == (number, status, "D. Manager")
    assert (answer.snapshot_id, answer.episode, answer.note) == (SNAPSHOT, 1, "the site will look")
    (row,) = [row for row in listed(workspace) if row["query_id"] == number]
    assert (row["status"], row["answer"], row["answered_by"]) == ("answered", status, "D. Manager")
    assert row["note"] == "the site will look"


def test_answers_are_added_and_never_replaced(workspace: Workspace) -> None:
    number = asked(workspace, "visit_label_disagrees")
    for status in ("resolved", "confirmed"):
        run(workspace, "answer", number, "--by", "D", "--status", status)
    assert [answer.status for answer in load_answers(workspace)] == ["resolved", "confirmed"]
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in workspace.answers.iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "--site", "paris"), "No site paris"),
        (("list", "--status", "strange"), "strange"),
        (("answer", "Q-0000-0000-0000", "--by", "D", "--status", "resolved"), "no data query Q-0000-0000-0000"),
        (("answer", "Q-0000-0000-0000", "--by", "D", "--status", "closed"), "closed"),
        (("answer", "Q-0000-0000-0000", "--status", "resolved"), "--by"),
    ],
)
def test_what_cannot_be_done_is_said_and_is_a_usage_error(
    workspace: Workspace, words: tuple[str, ...], said: str
) -> None:
    assert said in run(workspace, *words, expect=2).stderr
    assert load_answers(workspace) == []


def test_an_answer_needs_a_name_and_an_open_query(workspace: Workspace) -> None:
    number = asked(workspace, "visit_label_disagrees")
    assert "--by NAME" in run(workspace, "answer", number, "--by", "  ", "--status", "resolved", expect=2).stderr


def test_before_the_first_night_there_is_nothing_to_list(tmp_path: Path, shared: Workspace) -> None:
    root = tmp_path / "new"
    root.mkdir()
    (root / "study.yaml").write_bytes(shared.study_file.read_bytes())
    assert "nothing has been published yet" in run(Workspace(root), "list", expect=2).stderr


def test_the_workspace_may_stand_before_the_command(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ICT_TRIAL_WORKSPACE", "elsewhere")
    done = CliRunner().invoke(cli, ["queries", "--workspace", str(workspace.root), "list", "--format", "csv"])
    assert done.exit_code == 0 and done.stdout.startswith("query_id,")
