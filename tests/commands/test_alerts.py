"""`ict-trial alerts`, on a small published file."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import cli
from pipelines.safety.acknowledgement import AcknowledgementError, acknowledge, load_acknowledgements
from pipelines.study.load import SCHEMAS, Protocol
from pipelines.workspace import Workspace
from tests.sql.trial import Trial, at, day


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    workspace.study_file.write_text((SCHEMAS / "studies" / "ict_sad.yaml").read_text(encoding="utf-8"))
    return workspace


@pytest.fixture
def published(workspace: Workspace, ict_sad: Protocol) -> Workspace:
    trial = Trial(ict_sad, as_of=day(60))
    trial.delivery("oxford", "questionnaires", received_at=at("2026-04-01T12:00"), scope="incremental")
    facts = {"instrument": "phq9", "visit": "WEEKLY", "item": "9", "completed_at": day(20)}
    trial.add("questionnaires", "oxford", subject_id="001", value="3", **facts)
    trial.add("questionnaires", "oxford", subject_id="002", value="1", **facts)
    con = trial.tables("safety.alert").con
    workspace.published.mkdir()
    con.execute(f"ATTACH '{workspace.published / 'current-unblinded.duckdb'}' AS file")
    con.execute("CREATE SCHEMA file.safety")
    con.execute("CREATE TABLE file.safety.alert AS FROM safety.alert")
    con.execute("DETACH file")
    return workspace


def run(workspace: Workspace, *words: str) -> Result:
    return CliRunner().invoke(cli, ["alerts", *words, "--workspace", str(workspace.root)])


def test_alerts_are_listed_urgent_ones_first(published: Workspace) -> None:
    rows = json.loads(run(published, "list", "--format", "json").stdout)
    assert [(row["subject_id"], row["severity"], row["status"]) for row in rows] == [
        ("001", "urgent", "overdue"),
        ("002", "flag", "overdue"),
    ]
    assert json.loads(run(published, "list", "--site", "miyazaki", "--format", "json").stdout) == []
    assert run(published, "list", "--site", "paris").exit_code == 2


def test_an_acknowledgement_is_kept_and_never_changed(published: Workspace) -> None:
    wanted = json.loads(run(published, "list", "--format", "json").stdout)[0]["alert_id"]
    for name in ("Dr  A", "Dr B"):
        assert run(published, "acknowledge", wanted.upper(), "--by", name, "--note", "called").exit_code == 0
    kept = load_acknowledgements(published)
    assert [(given.alert_id, given.given_by, given.note) for given in kept] == [
        (wanted, "Dr A", "called"),
        (wanted, "Dr B", "called"),
    ]
    assert [path.stat().st_mode & 0o777 for path in published.acknowledgements.iterdir()] == [0o600, 0o600]


def test_what_cannot_be_acknowledged_is_said(published: Workspace) -> None:
    unknown = run(published, "acknowledge", "abc", "--by", "Dr A")
    assert unknown.exit_code == 2 and "no alert abc" in unknown.output
    with pytest.raises(AcknowledgementError, match="--by NAME"):
        acknowledge(published, "abc", "  ", "", datetime.now(UTC))
    assert load_acknowledgements(published) == []


def test_before_the_first_night_there_is_nothing(workspace: Workspace) -> None:
    asked = run(workspace, "list")
    assert asked.exit_code == 2 and "Nothing has been published yet" in asked.output
